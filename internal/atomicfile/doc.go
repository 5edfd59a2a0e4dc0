// Package atomicfile writes files that exist completely or not at all.
//
// A reader never sees a partial file under its final name, whenever the process or the machine stops: the bytes go to a temporary file in
// the same folder, are synced, get the final name in one rename, and the folder is synced so that the rename itself survives a power
// failure.
//
// # Temporary files
//
// A process that is killed while writing leaves a file under its temporary name. All such names have one form,
//
//	.iconic-tmp-<machine>-<time>-<random>
//
// where machine identifies one boot of one system, time is the second in which the name was made, and random makes it unique to this
// writer. A folder (Folder) has the name of an empty file beside it, followed by ".d". The next process that writes into the same folder
// first removes files that nobody is writing any more (Sweep):
//
//   - The writer holds a lock on each file, which the system releases with the process. A locked file is never touched.
//   - A file that is not locked and was made since this machine was booted belongs to a dead process: it is removed.
//   - Other locks may be invisible: on a disk shared by several machines, after a reboot, or on a file system without locks. Such a file
//     is removed if it was made, and last written to, more than a day ago.
//
// A file that may not be removed, for example another user's, stays. Nothing else is touched, including other hidden files.
package atomicfile
