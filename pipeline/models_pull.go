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
		Short: "Download an encoder's weights, or verify existing ones",
		Long: `Download an encoder's weights, or verify existing ones.

The weights are read in full; if they belong to the encoder, their SHA-256 is recorded the first time. The weights of DINOv3 are available only after
accepting their licence: with --from, name the file, its folder or the signed address that you received, or set HF_TOKEN to
an access token of huggingface.co, which is not sent anywhere else. Proxies are taken from the environment (HTTPS_PROXY).`,
		Example: `  pipeline models pull dinov2-small
  pipeline models pull dinov3-vits16 \
      --from dinov3_vits16_pretrain_lvd1689m-08c60483.pth`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			e, err := publishedEncoder(args[0])
			if err != nil {
				return err
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
				state = "recorded for the first time"
			}
			fmt.Fprintf(a.out, "%s\nSHA-256 %s, %s\n", plain(p.Path), p.SHA256, state)
			return nil
		},
	}
	c.Flags().StringVar(&from, "from", "", "alternative source of the weights: the address of a mirror or of the file itself, a folder, or a file")
	return c
}
