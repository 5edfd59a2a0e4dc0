package main

import "testing"

func TestRenamedTouchesImportsAlone(t *testing.T) {
	source := `package a

import (
	"fmt"

	"old/name"
	"old/name/head"
	"old/namesake"
)

const folder = "old/name/head" // a string, not an import
`
	want := `package a

import (
	"fmt"

	"example.com/new"
	"example.com/new/head"
	"old/namesake"
)

const folder = "old/name/head" // a string, not an import
`
	got, err := renamed([]byte(source), "old/name", "example.com/new")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Fatalf("got\n%s\nwant\n%s", got, want)
	}
}
