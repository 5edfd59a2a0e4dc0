package main

import (
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"iconic/internal/bucket"
)

// addressed are the commands whose arguments may be addresses of buckets or files: those that argument tells.
var addressed = map[string]func(argument int) bool{
	"extract": func(i int) bool { return i == 0 },
	"run":     func(i int) bool { return i == 0 },
	"merge":   func(int) bool { return true },
	"predict": func(i int) bool { return i > 0 },
}

// addressedFlags are the flags that may be addresses, of any command.
var addressedFlags = []string{"images", "data", "from"}

// refuseAddresses fails where an address stands for what is a folder or a file of this machine, of which the system would make a folder
// called s3: without a word.
func refuseAddresses(c *cobra.Command, args []string) error {
	may := addressed[c.Name()]
	for i, arg := range args {
		if bucket.Is(arg) && (may == nil || !may(i)) {
			return usagef("%s: '%s' wants a folder or a file of this machine here; images and the parts of a feature store are read from buckets by extract, run, predict and merge (with --out FOLDER it brings a store)",
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
		err = usagef("--%s %s: want a folder or a file of this machine; only extract and merge write into buckets", f.Name, bucket.Public(name))
	})
	return err
}
