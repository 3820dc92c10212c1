// Command server is a registry as our agent and our operator tools meet it where the original runs: x/crypto/ssh and
// pkg/sftp, a PEM host key, configurations with the original's keys only, exec refused to agents, failures printed on
// standard output. It keeps everything in memory and in one directory; its rules are the least that the tools need.
package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

const agentUser = "deploy-agent"

func main() {
	dir := flag.String("dir", "", "directory for archives")
	operators := flag.String("opauth", "", "public keys of operators")
	agents := flag.String("srvauth", "", "public keys of agents")
	old := flag.Bool("old", false, "offer only what x/crypto/ssh of 2017 offered")
	flag.Parse()
	signer, err := hostKey()
	check(err)
	config := &ssh.ServerConfig{
		ServerVersion:     "SSH-2.0-generic",
		PublicKeyCallback: keyCheck(*operators, *agents),
	}
	if *old {
		config.KeyExchanges = []string{
			"curve25519-sha256@libssh.org", "ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521",
			"diffie-hellman-group14-sha1", "diffie-hellman-group1-sha1",
		}
		config.Ciphers = []string{"aes128-ctr", "aes192-ctr", "aes256-ctr", "aes128-gcm@openssh.com"}
		config.MACs = []string{"hmac-sha2-256-etm@openssh.com", "hmac-sha2-256", "hmac-sha1", "hmac-sha1-96"}
	}
	config.AddHostKey(signer)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	check(os.MkdirAll(filepath.Join(*dir, "files"), 0700))
	r := &registry{dir: *dir, versions: map[string]*version{}, configs: map[string]*configuration{}}
	check(json.NewEncoder(os.Stdout).Encode(map[string]string{
		"addr": listener.Addr().String(), "fingerprint": ssh.FingerprintSHA256(signer.PublicKey()),
	}))
	for {
		conn, err := listener.Accept()
		check(err)
		go r.serve(conn, config)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// hostKey goes through the format that the original keeps it in.
func hostKey() (ssh.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return ssh.ParsePrivateKey(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))
}

func keyCheck(operators, agents string) func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) {
	return func(conn ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		file := operators
		if conn.User() == agentUser {
			file = agents
		}
		rest, err := os.ReadFile(file)
		for err == nil && len(bytes.TrimSpace(rest)) > 0 {
			var known ssh.PublicKey
			if known, _, _, rest, err = ssh.ParseAuthorizedKey(rest); err == nil && bytes.Equal(known.Marshal(), key.Marshal()) {
				return nil, nil
			}
		}
		return nil, errors.New("no keys matched")
	}
}

type version struct {
	Name, Version, File, Hash string
	Ctime                     time.Time
}

type configuration struct {
	Name   string
	Mtime  time.Time
	Hash   string
	Layers []*version
}

type registry struct {
	dir      string
	mu       sync.Mutex
	versions map[string]*version // by "component:version"
	configs  map[string]*configuration
}

func (r *registry) serve(tcp net.Conn, config *ssh.ServerConfig) {
	defer tcp.Close()
	conn, channels, requests, err := ssh.NewServerConn(tcp, config)
	if err != nil {
		return
	}
	defer conn.Close()
	go ssh.DiscardRequests(requests)
	for incoming := range channels {
		if incoming.ChannelType() != "session" {
			incoming.Reject(ssh.UnknownChannelType, "unknown channel type")
			continue
		}
		channel, requests, err := incoming.Accept()
		if err != nil {
			return
		}
		go r.session(channel, requests, conn.User() == agentUser)
	}
}

func (r *registry) session(channel ssh.Channel, requests <-chan *ssh.Request, agent bool) {
	for request := range requests {
		argument := ""
		if len(request.Payload) > 4 {
			argument = string(request.Payload[4:])
		}
		switch {
		case request.Type == "subsystem" && argument == "sftp":
			handlers := r.uploadHandlers()
			if agent {
				handlers = r.downloadHandlers()
			}
			request.Reply(true, nil)
			go func() {
				defer channel.Close()
				_ = sftp.NewRequestServer(channel, handlers).Serve()
			}()
		case request.Type == "exec" && !agent:
			// Output and exit status may overtake the reply to the request: in the original they race.
			status := uint32(0)
			if err := r.command(channel, argument); err != nil {
				fmt.Fprintln(channel, err)
				status = 1
			}
			channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
			request.Reply(true, nil)
			channel.SendRequest("eow@openssh.com", false, nil)
			channel.CloseWrite()
			channel.Close()
		default:
			request.Reply(false, nil)
		}
	}
}

func (r *registry) command(out io.Writer, line string) error {
	words, err := split(line)
	if err != nil {
		return err
	}
	if len(words) == 0 {
		return errors.New("nothing to do")
	}
	flags := flag.NewFlagSet(words[0], flag.ContinueOnError)
	flags.SetOutput(out)
	name := flags.String("name", "", "name")
	ver := flags.String("version", "", "version")
	sum := flags.String("hash", "", "hash")
	component := flags.String("component", "", "component")
	verbose := flags.Bool("v", false, "verbose")
	var layers list
	flags.Var(&layers, "layer", "component:version")
	if err := flags.Parse(words[1:]); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch words[0] {
	case "addver":
		return r.addver(*name, *ver, *sum)
	case "addconf":
		return r.addconf(*name, layers)
	case "changeconf":
		return r.changeconf(*name, *component, *ver)
	case "showconf":
		return r.showconf(out, *name, *verbose)
	case "showcomp":
		r.showcomp(out, *name)
		return nil
	case "components", "configurations":
		r.names(out, words[0])
		return nil
	}
	return errors.New("Unknown command")
}

type list []string

func (l *list) String() string         { return "" }
func (l *list) Set(value string) error { *l = append(*l, value); return nil }

func (r *registry) addver(name, ver, sum string) error {
	id := name + ":" + ver
	if r.versions[id] != nil {
		return fmt.Errorf("version %q already exists", ver)
	}
	if err := os.Rename(filepath.Join(r.dir, "upload-"+sum), filepath.Join(r.dir, "files", sum)); err != nil {
		return errors.New("no uploaded file with given hash found")
	}
	r.versions[id] = &version{name, ver, "files/" + sum, sum, time.Now().UTC()}
	return nil
}

func (r *registry) addconf(name string, refs []string) error {
	var layers []*version
	for _, ref := range refs {
		found := r.versions[ref]
		if found == nil {
			return fmt.Errorf("no version for %q found", ref)
		}
		layers = append(layers, found)
	}
	return r.save(name, layers)
}

func (r *registry) changeconf(name, component, ver string) error {
	config, found := r.configs[name], r.versions[component+":"+ver]
	if found == nil {
		return fmt.Errorf("no version %q for component %q found", ver, component)
	}
	if config == nil {
		return fmt.Errorf("configuration %q not found", name)
	}
	layers := append([]*version{}, config.Layers...)
	for i, l := range layers {
		if l.Name == component {
			layers[i] = found
			return r.save(name, layers)
		}
	}
	return fmt.Errorf("configuration has no layer for component %q", component)
}

func (r *registry) save(name string, layers []*version) error {
	sum := sha256.New()
	for _, l := range layers {
		fmt.Fprintf(sum, "%s\n", l.Hash)
	}
	r.configs[name] = &configuration{name, time.Now().UTC(), fmt.Sprintf("%x", sum.Sum(nil)), layers}
	return nil
}

func (r *registry) showconf(out io.Writer, name string, verbose bool) error {
	config := r.configs[name]
	if config == nil {
		return fmt.Errorf("configuration %q not found", name)
	}
	if verbose {
		fmt.Fprintf(out, "Name:\t%s\nMtime:\t%s\nHash:\t%s\n\n", name, config.Mtime.Format(time.RFC3339), config.Hash)
	}
	for _, l := range config.Layers {
		fmt.Fprintf(out, "%s   %s   %s   \n", l.Name, l.Version, l.Ctime.Format(time.RFC3339))
	}
	return nil
}

func (r *registry) showcomp(out io.Writer, name string) {
	lines := []string{}
	for _, v := range r.versions {
		if v.Name == name {
			lines = append(lines, fmt.Sprintf("%s   %s   ", v.Ctime.Format(time.RFC3339), v.Version))
		}
	}
	sort.Strings(lines)
	for _, line := range lines {
		fmt.Fprintln(out, line)
	}
}

func (r *registry) names(out io.Writer, what string) {
	names := map[string]bool{}
	for name := range r.configs {
		names[name] = what == "configurations"
	}
	for _, v := range r.versions {
		names[v.Name] = names[v.Name] || what == "components"
	}
	sorted := []string{}
	for name, wanted := range names {
		if wanted {
			sorted = append(sorted, name)
		}
	}
	sort.Strings(sorted)
	for _, name := range sorted {
		fmt.Fprintln(out, name)
	}
}

// split knows both quotes and the backslash, as the original's splitter does.
func split(line string) ([]string, error) {
	var words []string
	var word []byte
	var quote byte
	inWord := false
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case c == '\\' && quote != '\'' && i+1 < len(line):
			i++
			word, inWord = append(word, line[i]), true
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, inWord = c, true
		case quote == 0 && (c == ' ' || c == '\t'):
			if inWord {
				words = append(words, string(word))
			}
			word, inWord = nil, false
		default:
			word, inWord = append(word, c), true
		}
	}
	if quote != 0 {
		return nil, errors.New("invalid command line string")
	}
	if inWord {
		words = append(words, string(word))
	}
	return words, nil
}

// Uploads: any name, hashed when closed.

type uploads struct{ r *registry }

func (r *registry) uploadHandlers() sftp.Handlers {
	u := uploads{r}
	return sftp.Handlers{FileGet: u, FilePut: u, FileCmd: u, FileList: u}
}

func (uploads) Fileread(*sftp.Request) (io.ReaderAt, error)   { return nil, os.ErrPermission }
func (uploads) Filecmd(*sftp.Request) error                   { return os.ErrPermission }
func (uploads) Filelist(*sftp.Request) (sftp.ListerAt, error) { return nil, os.ErrPermission }
func (u uploads) Filewrite(*sftp.Request) (io.WriterAt, error) {
	file, err := os.CreateTemp(u.r.dir, "partial-")
	return &upload{file, u.r.dir}, err
}

type upload struct {
	*os.File
	dir string
}

func (u *upload) Close() error {
	defer u.File.Close()
	if _, err := u.Seek(0, io.SeekStart); err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, u.File); err != nil {
		return err
	}
	return os.Rename(u.Name(), filepath.Join(u.dir, fmt.Sprintf("upload-%x", sum.Sum(nil))))
}

// Downloads: nothing is looked up before the first read, so opening what is not there succeeds, and a configuration
// that is not there has a size of 0: so do the original and its pkg/sftp.

type downloads struct{ r *registry }

func (r *registry) downloadHandlers() sftp.Handlers {
	d := downloads{r}
	return sftp.Handlers{FileGet: d, FilePut: d, FileCmd: d, FileList: d}
}

func (downloads) Filewrite(*sftp.Request) (io.WriterAt, error) { return nil, os.ErrPermission }
func (downloads) Filecmd(*sftp.Request) error                  { return os.ErrPermission }
func (d downloads) Fileread(request *sftp.Request) (io.ReaderAt, error) {
	return lazy{d.r, request.Filepath}, nil
}

func (d downloads) Filelist(request *sftp.Request) (sftp.ListerAt, error) {
	if request.Method != "Stat" {
		return nil, os.ErrPermission
	}
	if path.Dir(request.Filepath) == "/files" {
		info, err := os.Stat(filepath.Join(d.r.dir, request.Filepath))
		return one{info}, err
	}
	data, _ := d.r.configJSON(request.Filepath)
	return one{virtual{path.Base(request.Filepath), int64(len(data))}}, nil
}

type lazy struct {
	r    *registry
	path string
}

func (l lazy) ReadAt(p []byte, offset int64) (int, error) {
	if path.Dir(l.path) == "/configs" {
		data, err := l.r.configJSON(l.path)
		if err != nil {
			return 0, err
		}
		return bytes.NewReader(data).ReadAt(p, offset)
	}
	file, err := os.Open(filepath.Join(l.r.dir, "files", path.Base(l.path)))
	if err != nil {
		return 0, os.ErrNotExist
	}
	defer file.Close()
	return file.ReadAt(p, offset)
}

func (r *registry) configJSON(name string) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	config := r.configs[strings.TrimSuffix(path.Base(name), ".json")]
	if config == nil {
		return nil, os.ErrNotExist
	}
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetIndent("", "\t")
	err := encoder.Encode(config)
	return buffer.Bytes(), err
}

type one struct{ info os.FileInfo }

func (o one) ListAt(infos []os.FileInfo, offset int64) (int, error) {
	if offset > 0 || len(infos) == 0 {
		return 0, io.EOF
	}
	infos[0] = o.info
	return 1, io.EOF
}

type virtual struct {
	name string
	size int64
}

func (v virtual) Name() string     { return v.name }
func (v virtual) Size() int64      { return v.size }
func (virtual) Mode() os.FileMode  { return 0644 }
func (virtual) ModTime() time.Time { return time.Now() }
func (virtual) IsDir() bool        { return false }
func (virtual) Sys() interface{}   { return nil }
