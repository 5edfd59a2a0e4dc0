package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"iconic/internal/npy"
	"iconic/report"
)

// readLabels reads the labels of n rows from a matrix of whole numbers, or from a text with a line a row. Numbers are classes
// from 0, names are numbered in their order; a number below zero and an empty name are no label.
func readLabels(name string, n int) (labels []int, classes []string, err error) {
	var names []string
	if isMatrix(name) {
		labels, err = npy.ReadInts(name)
	} else if names, err = readColumn(name, n); err == nil {
		labels = numbers(names)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("labels: %w", err)
	}
	if got := max(len(labels), len(names)); got != n {
		return nil, nil, usagef("%s holds %d labels for %d rows of features: give the labels of these features", name, got, n)
	}
	if labels == nil {
		labels, classes = numbered(names)
		return labels, classes, nil
	}
	if classes, err = nameClasses(labels); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	return labels, classes, nil
}

// readColumn reads a text with a label a line, or the column of a CSV file that its first line calls label or class; its last one, if
// none is called so. A first line too many is taken for the names of columns.
func readColumn(name string, n int) ([]string, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.TrimLeadingSpace, r.ReuseRecord = true, true
	column := -1
	var first string
	var names []string
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w: want a label a line, or labels.npy", name, err)
		}
		if column < 0 {
			column = len(record) - 1
			called := slices.IndexFunc(record, func(s string) bool {
				return slices.Contains([]string{"label", "labels", "class"}, strings.ToLower(strings.TrimSpace(s)))
			})
			if called >= 0 {
				column = called
			}
			first = strings.Clone(record[column])
			continue
		}
		names = append(names, strings.TrimSpace(record[column]))
	}
	if column >= 0 && len(names) != n {
		names = append([]string{strings.TrimSpace(first)}, names...)
	}
	return names, nil
}

// numbers are the labels if each is a whole number, or empty, and not all are; otherwise nil.
func numbers(names []string) []int {
	labels, some := make([]int, len(names)), false
	for i, s := range names {
		if s == "" {
			labels[i] = report.NoLabel
			continue
		}
		v, err := strconv.Atoi(s)
		if err != nil {
			return nil
		}
		labels[i], some = v, true
	}
	if !some {
		return nil
	}
	return labels
}

// numbered numbers names in their order.
func numbered(names []string) (labels []int, classes []string) {
	classes = slices.Clone(names)
	slices.Sort(classes)
	classes = slices.Compact(classes)
	if len(classes) > 0 && classes[0] == "" {
		classes = classes[1:]
	}
	labels = make([]int, len(names))
	for i, s := range names {
		at, ok := slices.BinarySearch(classes, s)
		if labels[i] = at; !ok {
			labels[i] = report.NoLabel
		}
	}
	return labels, classes
}

// nameClasses names classes by their numbers. Labels below zero mean none.
func nameClasses(labels []int) ([]string, error) {
	most := -1
	for i, l := range labels {
		if l < 0 {
			labels[i] = report.NoLabel
		}
		if l > 1<<24 {
			return nil, fmt.Errorf("label %d of row %d: want small numbers from 0", l, i)
		}
		most = max(most, l)
	}
	classes := make([]string, most+1)
	for c := range classes {
		classes[c] = strconv.Itoa(c)
	}
	return classes, nil
}
