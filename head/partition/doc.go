// Package partition compares and combines partitions of the same rows into the same number of clusters: how far two of them agree once
// their clusters are matched one to one, and what several say together.
//
// Clusters have no names of their own; so before two partitions can be compared, those of one are called by those of the other: by the
// one-to-one matching under which most rows lie in clusters of one name (internal/assignment). A vote matches every member to what all
// members say, until nothing changes, and gives each row the cluster that most members put it in.
package partition
