// Command turns compares the processor time of two commands, such as two builds of the program, which take turns:
//
//	go run ./scripts/turns -turns 9 "./before train x.npy --clusters 100 --out OUT -q" "./after train x.npy --clusters 100 --out OUT -q"
//
// It counts user and system time, which other programs on the machine change less than the time of the clock, and prints a row of a table: the median
// of each command, and the median of the ratios of neighbouring turns with their quartiles. Who goes first changes from turn to turn.
package main
