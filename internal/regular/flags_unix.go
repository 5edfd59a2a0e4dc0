//go:build unix

package regular

import "syscall"

// withoutWaiting are the flags with which opening a pipe or a terminal returns at once, without becoming the controlling terminal.
const withoutWaiting = syscall.O_NONBLOCK | syscall.O_NOCTTY
