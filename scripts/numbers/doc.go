// Numbers trains every method for a few epochs and prints what each ends with: loss, accuracy, and a hash of the head's bits. Two
// builds of the command whose tables are the same learn the same.
//
//	go build -o old ./pipeline                    # before a change
//	go build -o new ./pipeline                    # after it
//	numbers="go run ./scripts/numbers --features cifar100-test.features.npy --labels cifar100-test.labels.npy --rows 10000"
//	$numbers --pipeline ./old > old.txt
//	$numbers --pipeline ./new --hold debias-sample=0,least-gain=0 > new.txt
//	go run ./scripts/numbers compare old.txt new.txt
//
// It drives the command, not its packages, so that it outlives any change of theirs. Sets: rows of the features given, evenly spaced,
// and the demo's pictures in two views. --hold gives settings to those methods that read them, so that a default which was changed on
// purpose stays what it was. compare joins two tables into one of Markdown, with the difference in accuracy.
package main
