// Package age reads lengths of time as people write them, in weeks and days as well as hours and minutes: "30d", "2w", "12h". It says how long
// what is kept for a user stays unused before it is pruned. time.ParseDuration knows no day, since days of the calendar differ in length; here a
// day is 24 hours.
package age
