// QQ closes its window on cancel. A browser allows that only for a window a script has opened; else the page stays.
window.close();
