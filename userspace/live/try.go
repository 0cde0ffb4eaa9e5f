//go:build linux && (amd64 || arm64)

package live

// TryLoad makes the maps and loads the programs, as Open does, and attaches
// nothing. Its error is the one that Open would return.
func TryLoad() error {
	o, err := Options{Interfaces: []string{"lo"}}.withDefaults()
	if err != nil {
		return err
	}
	k, err := load(&o)
	if err != nil {
		return err
	}
	k.close()
	return nil
}
