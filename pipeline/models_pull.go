package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"iconic/models"
)

func newModelsPullCommand(a *app) *cobra.Command {
	var from string
	c := &cobra.Command{
		Use:   "pull NAME",
		Short: "Fetch an encoder's weights, or check those that are there",
		Long: `Fetch an encoder's weights, or check those that are there.

Weights are read in full, and their SHA-256 is remembered the first time if they are those of the encoder. The weights of DINOv3 are given out to
those who have accepted their licence: name the file, its folder or the signed address that you were sent with --from, or set HF_TOKEN to
an access token of huggingface.co; it is sent nowhere else. Proxies are taken from the environment (HTTPS_PROXY).`,
		Example: `  pipeline models pull dinov2-small
  pipeline models pull dinov3-vits16 \
      --from dinov3_vits16_pretrain_lvd1689m-08c60483.pth`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			e, err := models.Lookup(args[0])
			if err != nil {
				return usagef("%w", err)
			}
			h := a.hooks()
			p, err := models.Pull(c.Context(), e, models.PullOptions{From: from, Token: hubToken(), Note: h.Note, Progress: h.Bytes})
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(p)
			}
			state := "unchanged since " + p.Since.Format("2006-01-02")
			if p.First {
				state = "seen for the first time and remembered"
			}
			fmt.Fprintf(a.out, "%s\nSHA-256 %s, %s\n", p.Path, p.SHA256, state)
			return nil
		},
	}
	c.Flags().StringVar(&from, "from", "", "where to take the weights from instead: the address of a mirror or of the file itself, a folder, or a file")
	return c
}
