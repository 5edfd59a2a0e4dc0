// Package age reads lengths of time as people write them, in weeks and days as well as hours and minutes: "30d", "2w", "12h". They say how
// long entries of the user's cache may be unused before they are pruned. time.ParseDuration knows no days, since calendar days differ in
// length; here a day is 24 hours.
package age
