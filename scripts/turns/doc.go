// Command turns compares the CPU time of two commands, such as two builds of the program, which take turns:
//
//	go run ./scripts/turns -turns 9 "./before train x.npy --clusters 100 --out OUT -q" "./after train x.npy --clusters 100 --out OUT -q"
//
// It measures user and system time, which other programs on the machine affect less than wall-clock time, and prints a row of a table: the median
// of each command, and the median of the ratios of adjacent turns with their quartiles. The order alternates from turn to turn.
package main
