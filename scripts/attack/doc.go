// Command attack measures `pipeline serve` under attack: 200 clients that send every known kind of hostile request, each from its
// own address, beside 10 honest ones.
//
//	go run ./scripts/attack -pipeline bin/pipeline -run iconic-demo/run -picture iconic-demo/pictures/disc/0000.png
//
// Server, honest clients and hostile ones are three processes. Real attackers use their own machines; here they share the
// server's CPUs and therefore run at a lower priority (nice 10), so that the cost of making the hostile requests distorts the
// measurement as little as possible. A control measures the remaining distortion: the same attackers attack a server that
// only refuses, while the honest clients use the real one.
//
// It prints the table of docs/reliability.md, and fails if a promise made there is broken: peak memory at most the budget plus a
// fifth, no honest request lost, the honest requests' median under twice that without an attack, goroutines and descriptors back to their
// initial level within ten seconds. It reads /proc, so it runs on Linux only.
package main
