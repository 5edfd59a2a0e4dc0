// Package seal notices when files that were made once, and are used for long, are no longer what they were: cut short, changed,
// gone.
//
// Set writes a seal into the folder of such files, with the size and SHA-256 of each. Check compares. It reads a file in full
// only where its size is right and the system says of it anything else than when it was last found whole: when it was written, when it
// was last changed in any way, which nobody can set, and which file of its disk it is. So it costs nothing as a rule. Where a system
// knows of the time of writing alone, a file that is changed and given its old time back passes.
// A seal protects from accidents. It does not protect from those who can write to the folder, who can write a seal as well.
package seal
