// Package seal detects when files that were made once, and are used for a long time, have been truncated, changed or removed.
//
// Set writes a seal into the folder of such files, with the size and SHA-256 of each. Check compares. It reads a file in full only if its
// size is right and the system reports a change since the file was last verified: of its modification time, of the time of its last change
// of any kind, which nobody can set, or of its number on the disk. So a check usually costs nothing. On a system that records only the
// modification time, a file that is changed and given its old time back is not detected. A seal protects against accidents. It does not
// protect against people who can write to the folder, since they can write a seal as well.
package seal
