// Package atomicfile writes files that exist whole or not at all.
//
// A reader never sees a partial file under its final name, whatever moment the process or the machine stops: the bytes go to a
// temporary file in the same folder, are synced, take the final name in one rename, and the folder is synced so that the rename
// itself survives a power cut.
//
// # Temporary files
//
// What a process was writing when it was killed stays under its temporary name. All such names have one form,
//
//	.iconic-tmp-<machine>-<time>-<random>
//
// where machine stands for one start of one system, time for the second in which the name was made, and random makes it this
// writer's alone. A folder (Folder) is called like an empty file beside it, with ".d" behind. Who writes next into the same place first removes those that nobody is
// writing any more (Sweep):
//
//   - Its writer holds a lock on each file, which the system drops with the process. What somebody has locked is never touched.
//   - What is not locked and was made since this machine was started is a dead process's: it is removed.
//   - Elsewhere, a lock may not be seen: on a disk that several machines share, after a restart, or where the file system has no locks.
//     What comes from there is removed once it was made, and last written to, more than a day ago.
//
// What may not be removed, another user's for one, stays. Nothing else is touched, and no other hidden file.
package atomicfile
