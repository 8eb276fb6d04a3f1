package main

import (
	"io"
	"os"

	"vpcdoctor/probe/catalog"
)

// maxCatalog bounds --catalog. A real describe-vpc-endpoint-services of a
// large Region is about 1 MB.
const maxCatalog = 16 << 20

// loadCatalog is the embedded catalogue, overridden by the user's own file.
func loadCatalog(path string) (*catalog.Catalog, error) {
	c := catalog.Embedded()
	if path == "" {
		return c, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, usagef("--catalog: %w", err)
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxCatalog+1))
	if err != nil {
		return nil, usagef("--catalog %s: %w", path, err)
	}
	if len(b) > maxCatalog {
		return nil, usagef("--catalog %s: larger than 16 MB", path)
	}
	merged, err := c.Merge(b)
	if err != nil {
		return nil, usagef("--catalog %s: %w", path, err)
	}
	return merged, nil
}
