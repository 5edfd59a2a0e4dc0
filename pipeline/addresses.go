package main

import (
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"iconic/internal/bucket"
)

// addressed lists the commands that accept addresses of buckets or remote files, with a function that says for which arguments.
var addressed = map[string]func(argument int) bool{
	"extract": func(i int) bool { return i == 0 },
	"run":     func(i int) bool { return i == 0 },
	"merge":   func(int) bool { return true },
	"predict": func(i int) bool { return i > 0 },
}

// addressedFlags lists the flags that accept addresses in any command.
var addressedFlags = []string{"images", "data", "from"}

// refuseAddresses fails if an address is given where a local folder or file is required. The system would otherwise silently create a
// folder called s3:.
func refuseAddresses(c *cobra.Command, args []string) error {
	may := addressed[c.Name()]
	for i, arg := range args {
		if bucket.Is(arg) && (may == nil || !may(i)) {
			return usagef("%s: '%s' wants a local folder or file here; only extract, run, predict and merge read images and feature stores from buckets (merge --out FOLDER downloads a store)",
				bucket.Public(arg), c.CommandPath())
		}
	}
	store := c.Name() == "extract" || c.Name() == "merge"
	var err error
	c.Flags().Visit(func(f *pflag.Flag) {
		name := f.Value.String()
		if !bucket.Is(name) || slices.Contains(addressedFlags, f.Name) || f.Name == "out" && store {
			return
		}
		err = usagef("--%s %s: want a local folder or file; only extract and merge write to buckets", f.Name, bucket.Public(name))
	})
	return err
}
