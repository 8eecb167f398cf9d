/** What systems and programs put beside people's files. Nobody means it when they name a folder of pictures. */

/** As they are spelled in lower case. */
const SYSTEM = new Set([
  // macOS: parts of a file that other file systems have no place for, in archives; folders' icons.
  ...["__macosx", "icon\r", "network trash folder", "temporary items"],
  // Windows.
  ...["thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information", "recycler"],
  // Network storage (Synology, QNAP), and Linux file systems.
  ...["@eadir", "@tmp", "@recycle", "@recently-snapshot", "#recycle", "#snapshot", "lost+found"],
  "__pycache__",
]);

/**
 * Whether a file or folder of this name is passed over, with all in it: a name that begins with a dot (`.DS_Store`,
 * `._cat.png`, `.ipynb_checkpoints`), or one that systems give.
 */
export const isHidden = (name: string): boolean => name.startsWith(".") || SYSTEM.has(name.toLowerCase());
