// QQ closes its window on cancel. Browsers allow that only for a window opened by a script; otherwise the page stays.
if (window.opener) window.close();
