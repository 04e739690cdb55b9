// etcd as it is published: a program of this module, so that what it shares with Kubernetes is compiled once.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
