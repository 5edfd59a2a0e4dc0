package iconic_test

import (
	"os"
	"testing"

	"iconic/internal/cachetest"
)

func TestMain(m *testing.M) { os.Exit(cachetest.Isolated(m).Run()) }
