// QQ closes its window on cancel. A browser allows that only for a window a script has opened; else the page stays.
if (window.opener) window.close();
