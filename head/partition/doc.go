// Package partition compares and combines partitions of the same rows into the same number of clusters: how well two partitions agree after
// their clusters are aligned one to one, and what an ensemble of several agrees on.
//
// The numbers of clusters are arbitrary, so two partitions are aligned before they are compared: by the one-to-one matching under which
// most rows are in corresponding clusters (internal/assignment). Vote aligns every member with the consensus of all members, until nothing
// changes, and gives each row the cluster that most members assign it to.
package partition
