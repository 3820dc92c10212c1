// Command client behaves on the wire as the clients of the original deploy-tools do: golang.org/x/crypto/ssh with a
// fingerprint for the host key, one channel for each exec or SFTP session, arguments quoted as Go quotes strings, and
// github.com/pkg/sftp with its defaults. One run is one connection. It prints one JSON value.
package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"hash"
	"io"
	"net"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

type result struct {
	Status int
	Output string
}

func main() {
	addr := flag.String("addr", "", "registry address")
	fingerprint := flag.String("fp", "", "SHA256:… of the host key")
	keyFile := flag.String("key", "", "private key file")
	user := flag.String("user", "ops", "user name")
	old := flag.Bool("old", false, "offer only what x/crypto/ssh of 2017 offered")
	flag.Parse()
	client, err := dial(*addr, *fingerprint, *keyFile, *user, *old)
	if err != nil {
		fail(err)
	}
	defer client.Close()
	value, err := run(client, flag.Arg(0), flag.Args()[1:])
	if err != nil {
		fail(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(value); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func run(client *ssh.Client, mode string, args []string) (interface{}, error) {
	switch mode {
	case "exec":
		return execAll(client, args)
	case "addver":
		return addver(client, args[0], args[1], args[2])
	case "upload-many":
		return uploadMany(client, args)
	case "refused-exec":
		return refusedExec(client, args[0])
	case "refused-upload":
		return refusedUpload(client)
	case "read":
		return read(client, args[0])
	case "download":
		return download(client, args[0])
	case "list":
		return list(client, args[0])
	case "follow":
		return follow(client, args[0], args[1])
	}
	return nil, fmt.Errorf("no such mode: %q", mode)
}

func dial(addr, fingerprint, keyFile, user string, old bool) (*ssh.Client, error) {
	pem, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, err
	}
	signer, err := ssh.ParsePrivateKey(pem)
	if err != nil {
		return nil, err
	}
	config := &ssh.ClientConfig{
		User:    user,
		Timeout: 30 * time.Second,
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			if seen := ssh.FingerprintSHA256(key); seen != fingerprint {
				return fmt.Errorf("host key fingerprint mismatch: %v", seen)
			}
			return nil
		},
	}
	if old {
		asOf2017(config)
		signer = sha1Signer{signer}
	}
	config.Auth = []ssh.AuthMethod{ssh.PublicKeys(signer)}
	return ssh.Dial("tcp", addr, config)
}

// sha1Signer hides that a key can sign in other ways, so that an RSA key signs with SHA-1.
type sha1Signer struct{ ssh.Signer }

func (s sha1Signer) Sign(rand io.Reader, data []byte) (*ssh.Signature, error) {
	return s.Signer.Sign(rand, data)
}

func asOf2017(config *ssh.ClientConfig) {
	config.KeyExchanges = []string{
		"curve25519-sha256@libssh.org",
		"ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521",
		"diffie-hellman-group14-sha1", "diffie-hellman-group1-sha1",
	}
	config.Ciphers = []string{"aes128-ctr", "aes192-ctr", "aes256-ctr", "aes128-gcm@openssh.com"}
	config.MACs = []string{"hmac-sha2-256-etm@openssh.com", "hmac-sha2-256", "hmac-sha1", "hmac-sha1-96"}
	config.HostKeyAlgorithms = []string{
		"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa", "ssh-ed25519",
	}
}

func exec(client *ssh.Client, line string) (result, error) {
	session, err := client.NewSession()
	if err != nil {
		return result{}, err
	}
	defer session.Close()
	output, err := session.CombinedOutput(line)
	var exit *ssh.ExitError
	if errors.As(err, &exit) {
		return result{exit.ExitStatus(), string(output)}, nil
	}
	return result{0, string(output)}, err
}

func execAll(client *ssh.Client, lines []string) ([]result, error) {
	results := []result{}
	for _, line := range lines {
		r, err := exec(client, line)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", line, err)
		}
		results = append(results, r)
	}
	return results, nil
}

// upload leaves the SFTP session open while the next channel is used, as the original does.
func upload(client *ssh.Client, name string) (string, func(), error) {
	source, err := os.Open(name)
	if err != nil {
		return "", nil, err
	}
	defer source.Close()
	session, err := sftp.NewClient(client)
	if err != nil {
		return "", nil, err
	}
	target, err := session.Create("upload")
	if err != nil {
		return "", nil, err
	}
	sum := sha256.New()
	if _, err := io.Copy(target, io.TeeReader(source, sum)); err != nil {
		return "", nil, err
	}
	if err := target.Close(); err != nil {
		return "", nil, err
	}
	return hex(sum), func() { session.Close() }, nil
}

func addver(client *ssh.Client, component, version, file string) (result, error) {
	sum, done, err := upload(client, file)
	if err != nil {
		return result{}, err
	}
	defer done()
	return exec(client, fmt.Sprintf("addver -name=%q -version=%q -hash=%s", component, version, sum))
}

// uploadMany uploads all files at once, and names each as soon as it is there.
func uploadMany(client *ssh.Client, files []string) ([]result, error) {
	results := make([]result, len(files))
	failures := make([]error, len(files))
	var group sync.WaitGroup
	for i := range files {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			results[i], failures[i] = addver(client, "many", fmt.Sprintf("v%d", i), files[i])
		}(i)
	}
	group.Wait()
	for _, err := range failures {
		if err != nil {
			return nil, err
		}
	}
	return results, nil
}

func refusedExec(client *ssh.Client, line string) (string, error) {
	r, err := exec(client, line)
	if err == nil {
		return "", fmt.Errorf("it was not refused: %+v", r)
	}
	return err.Error(), nil
}

func refusedUpload(client *ssh.Client) (string, error) {
	session, err := sftp.NewClient(client)
	if err != nil {
		return "", err
	}
	defer session.Close()
	target, err := session.Create("upload")
	if err == nil {
		_, err = target.Write([]byte("x"))
	}
	if err == nil {
		return "", errors.New("it was not refused")
	}
	return err.Error(), nil
}

func read(client *ssh.Client, name string) (string, error) {
	session, err := sftp.NewClient(client)
	if err != nil {
		return "", err
	}
	defer session.Close()
	file, err := session.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	return string(data), err
}

// download reads a file twice: chunk by chunk as pkg/sftp of 2017 did, and with the many requests of today's.
func download(client *ssh.Client, name string) ([2]string, error) {
	var sums [2]string
	session, err := sftp.NewClient(client)
	if err != nil {
		return sums, err
	}
	defer session.Close()
	for i := range sums {
		file, err := session.Open(name)
		if err != nil {
			return sums, err
		}
		var source io.Reader = file
		if i == 0 {
			source = io.TeeReader(file, io.Discard) // hides WriteTo
		}
		sum := sha256.New()
		if _, err := io.Copy(sum, source); err != nil {
			return sums, err
		}
		if err := file.Close(); err != nil {
			return sums, err
		}
		sums[i] = hex(sum)
	}
	return sums, nil
}

type entry struct {
	Name string
	Size int64
	Dir  bool
}

func list(client *ssh.Client, dir string) ([]entry, error) {
	session, err := sftp.NewClient(client)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	infos, err := session.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	entries := []entry{}
	for _, info := range infos {
		again, err := session.Stat(path.Join(dir, info.Name()))
		if err != nil {
			return nil, err
		}
		if again.Size() != info.Size() || again.IsDir() != info.IsDir() {
			return nil, fmt.Errorf("%s: listed and stat'ed differ", info.Name())
		}
		entries = append(entries, entry{info.Name(), info.Size(), info.IsDir()})
	}
	return entries, nil
}

// The keys that the original knows; it drops all others.
type configuration struct {
	Name   string
	Mtime  time.Time
	Hash   string
	Layers []layer
}

type layer struct {
	Name, Version, File, Hash string
	Ctime                     time.Time
}

// follow does what one look of the original's agent does, short of unpacking: reads the configuration, fetches what
// the cache lacks, checks it, and writes the state file.
func follow(client *ssh.Client, name, dir string) (*configuration, error) {
	session, err := sftp.NewClient(client)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	remote, err := session.Open(path.Join("configs", name+".json"))
	if err != nil {
		return nil, err
	}
	defer remote.Close()
	var wanted configuration
	if err := json.NewDecoder(remote).Decode(&wanted); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(dir, "cache"), 0750); err != nil {
		return nil, err
	}
	for _, l := range wanted.Layers {
		if err := fetch(session, l, filepath.Join(dir, "cache", l.Hash)); err != nil {
			return nil, err
		}
	}
	state, err := os.Create(filepath.Join(dir, "state.json"))
	if err != nil {
		return nil, err
	}
	defer state.Close()
	encoder := json.NewEncoder(state)
	encoder.SetIndent("", "\t")
	return &wanted, encoder.Encode(wanted)
}

func fetch(session *sftp.Client, l layer, target string) error {
	source, err := session.Open(l.File)
	if err != nil {
		return err
	}
	defer source.Close()
	file, err := os.Create(target)
	if err != nil {
		return err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(file, io.TeeReader(source, sum)); err != nil {
		return err
	}
	if hex(sum) != l.Hash {
		return fmt.Errorf("downloaded file hash mismatch: %v", l.File)
	}
	return nil
}

func hex(sum hash.Hash) string { return strings.ToLower(fmt.Sprintf("%x", sum.Sum(nil))) }
