// Writes the table of the built-in kinds that the simulated API server knows: for each struct its fields, how Go
// writes them as JSON (pointer, omitempty, omitzero), and how server-side apply merges them (list type, keys).
//
// The fields come from the types by reflection, the merging from the OpenAPI document that Kubernetes ships:
//
//	go run . path/to/swagger.json >../src/kubernetes/schema/builtin.json
package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	eventsv1 "k8s.io/api/events/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
)

type field struct {
	Type      string          `json:"t"`
	OmitEmpty bool            `json:"o,omitempty"`
	OmitZero  bool            `json:"z,omitempty"`
	List      string          `json:"l,omitempty"`
	Keys      []string        `json:"k,omitempty"`
	Atomic    bool            `json:"a,omitempty"`
}

type structure struct {
	Atomic bool             `json:"atomic,omitempty"`
	Fields map[string]field `json:"fields"`
}

type property struct {
	List    string          `json:"x-kubernetes-list-type"`
	Keys    []string        `json:"x-kubernetes-list-map-keys"`
	Map     string          `json:"x-kubernetes-map-type"`
}

type definition struct {
	Map        string              `json:"x-kubernetes-map-type"`
	Properties map[string]property `json:"properties"`
}

var (
	definitions map[string]definition
	structures  = map[string]structure{}
	special     = map[string]string{
		"k8s.io/apimachinery/pkg/apis/meta/v1.Time":           "Time",
		"k8s.io/apimachinery/pkg/apis/meta/v1.MicroTime":      "MicroTime",
		"k8s.io/apimachinery/pkg/apis/meta/v1.FieldsV1":       "Any",
		"k8s.io/apimachinery/pkg/api/resource.Quantity":       "Quantity",
		"k8s.io/apimachinery/pkg/util/intstr.IntOrString":     "IntOrString",
		"k8s.io/apimachinery/pkg/runtime.RawExtension":        "Any",
	}
)

func full(t reflect.Type) string {
	path := strings.Replace(t.PkgPath(), "k8s.io/", "io.k8s.", 1)
	return strings.ReplaceAll(path, "/", ".") + "." + t.Name()
}

func short(t reflect.Type) string {
	parts := strings.Split(t.PkgPath(), "/")
	return strings.Join(parts[len(parts)-2:], ".") + "." + t.Name()
}

func describe(t reflect.Type) string {
	if name, ok := special[t.PkgPath()+"."+t.Name()]; ok {
		return name
	}
	switch t.Kind() {
	case reflect.Pointer:
		return "*" + describe(t.Elem())
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "bytes"
		}
		return "[]" + describe(t.Elem())
	case reflect.Map:
		return "{}" + describe(t.Elem())
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "bool"
	case reflect.Int, reflect.Int32, reflect.Int64:
		return "int"
	case reflect.Struct:
		visit(t)
		return short(t)
	}
	panic(fmt.Sprint("no description for ", t))
}

func visit(t reflect.Type) {
	name := short(t)
	if _, ok := structures[name]; ok {
		return
	}
	known := definitions[full(t)]
	result := structure{Atomic: known.Map == "atomic", Fields: map[string]field{}}
	structures[name] = result
	add(t, known, result.Fields)
}

func add(t reflect.Type, known definition, into map[string]field) {
	for i := range t.NumField() {
		f := t.Field(i)
		tag := strings.Split(f.Tag.Get("json"), ",")
		if tag[0] == "-" {
			continue
		}
		if tag[0] == "" && f.Anonymous {
			add(f.Type, known, into)
			continue
		}
		p := known.Properties[tag[0]]
		entry := field{Type: describe(f.Type), List: p.List, Keys: p.Keys, Atomic: p.Map == "atomic"}
		if entry.List == "atomic" {
			entry.List = ""
		}
		for _, option := range tag[1:] {
			entry.OmitEmpty = entry.OmitEmpty || option == "omitempty"
			entry.OmitZero = entry.OmitZero || option == "omitzero"
		}
		into[tag[0]] = entry
	}
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	var document struct {
		Definitions map[string]definition `json:"definitions"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		panic(err)
	}
	definitions = document.Definitions
	roots := []any{
		corev1.Namespace{}, corev1.Pod{}, corev1.Service{}, corev1.PersistentVolumeClaim{}, corev1.PersistentVolume{},
		corev1.Node{}, corev1.ConfigMap{}, corev1.Secret{}, corev1.ServiceAccount{}, corev1.Event{}, corev1.Endpoints{},
		discoveryv1.EndpointSlice{}, eventsv1.Event{}, appsv1.StatefulSet{}, policyv1.PodDisruptionBudget{},
		policyv1.Eviction{}, autoscalingv1.Scale{}, rbacv1.Role{}, rbacv1.RoleBinding{}, rbacv1.ClusterRole{},
		rbacv1.ClusterRoleBinding{}, coordinationv1.Lease{}, storagev1.StorageClass{},
		admissionv1.ValidatingAdmissionPolicy{}, admissionv1.ValidatingAdmissionPolicyBinding{},
	}
	for _, root := range roots {
		describe(reflect.TypeOf(root))
	}
	names := slices.Sorted(maps.Keys(structures))
	for i, name := range names {
		line, err := json.Marshal(structures[name])
		if err != nil {
			panic(err)
		}
		before := map[bool]string{true: "{\n", false: ",\n"}[i == 0]
		fmt.Printf("%s%q:%s", before, name, line)
	}
	fmt.Println("\n}")
}
