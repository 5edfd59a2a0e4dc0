//go:build unix

package regular

import "syscall"

// withoutWaiting are the flags with which opening a pipe or a terminal returns at once and takes nothing over.
const withoutWaiting = syscall.O_NONBLOCK | syscall.O_NOCTTY
