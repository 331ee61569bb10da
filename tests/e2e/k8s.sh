#!/bin/bash
# The pods on the Kubernetes cluster that kubectl points to (make e2e-k8s): both plain pods, then the
# Deployment behind its Service with a rollout under traffic. All in a namespace of its own, which
# is removed at the end.
#
# Run it where pod and service addresses can be reached: on a node, or with a route to them.
# The cluster must be able to get the images. From the environment:
#   IMAGE_PREFIX  in front of each image name, such as registry.example.com/team/  (none)
#   TAG           the images' tag                                       (the content of VERSION)
#   NAMESPACE     made for the test, and deleted                        (booking-e2e)
#   DEPLOYMENT    kustomization to try as the Deployment  (deploy/overlays/try from Kubernetes
#                 1.29 on, which has native sidecars; else tests/e2e/k8s, the base for kayak)
#   KUSTOMIZE     renders it   (kubectl kustomize; name a newer one for tests/e2e/k8s-all on an old cluster)
set -euo pipefail
cd "$(dirname "$0")/../.."

prefix=${IMAGE_PREFIX-}
tag=${TAG:-$(cat VERSION)}
namespace=${NAMESPACE:-booking-e2e}
work=$(mktemp -d)

say() { printf '\n== %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
k() { kubectl --namespace "$namespace" "$@"; }
# The tags are pinned in the manifests; here they follow what is to be tested.
set_images() { sed -E "s#image: (booking-main|adapter-[a-z]+)(:.*)?\$#image: ${prefix}\1:${tag}#"; }

clean_up() {
    local result=$?
    if [ "$result" -ne 0 ]; then
        k get pods,events -o wide || true
    fi
    kubectl delete namespace "$namespace" --timeout=90s || true
    rm -rf "$work"
}

# same_as_seed PARTNER URL
same_as_seed() {
    curl -sS --max-time 5 -o "$work/answer" "$2" || fail "no answer from $2 (is it routed here?)"
    cmp "$work/answer" "tests/e2e/seed/$1.json" || fail "$2 answers: $(cat "$work/answer")"
    printf 'curl %s\n%s\n' "$2" "$(cat "$work/answer")"
}

command -v kubectl >/dev/null || fail "kubectl is missing: install it, and point it to a cluster"
kubectl create namespace "$namespace"
trap clean_up EXIT

say "The two plain pods"
for partner in kayak airbnb; do
    set_images <"deploy/pods/booking-app-$partner.yaml" | k apply -f -
done
k wait --for=condition=Ready pod/booking-app-kayak pod/booking-app-airbnb --timeout=90s
k get pods -o wide
for partner in kayak airbnb; do
    ip=$(k get pod "booking-app-$partner" -o jsonpath='{.status.podIP}')
    same_as_seed "$partner" "http://$ip:33/bookCar"
    same_as_seed "$partner" "http://$ip:33/bookCar/"
    if curl -s --max-time 2 -o "$work/answer" "http://$ip:9096/healthz"; then
        fail "$ip:9096 answers from outside the pod"
    fi
done
echo "9096 does not answer from outside."

if [ -z "${DEPLOYMENT-}" ]; then
    minor=$(kubectl version -o json | tr -d ' \n' |
        sed -E 's/.*"serverVersion":\{[^}]*"minor":"([0-9]+).*/\1/')
    DEPLOYMENT=tests/e2e/k8s
    if [ "$minor" -ge 29 ]; then DEPLOYMENT=deploy/overlays/try; fi
fi
# What the forms with a database want. On no command line; the others do not mind it.
password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
k create secret generic booking-database --from-env-file=/dev/stdin <<END
uri=postgresql://booking:$password@booking-postgresql/booking
password=$password
END
# The forms let only the ingress's namespace in, and this asks from elsewhere.
k apply -f - <<END
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: e2e
spec:
  podSelector: {}
  ingress:
    - ports: [{port: 33}]
END
say "$DEPLOYMENT: a Deployment behind its Service"
# shellcheck disable=SC2086 # a command with its arguments
${KUSTOMIZE:-kubectl kustomize} "$DEPLOYMENT" | set_images | k apply -f -
# Long enough for engines that start before their database, and for its image.
k rollout status deployment/booking-app-kayak --timeout=300s
ip=$(k get service booking-app-kayak -o jsonpath='{.spec.clusterIP}')
same_as_seed kayak "http://$ip/bookCar"
same_as_seed kayak "http://$ip/kayak/bookCar"
if curl -s --max-time 2 -o "$work/answer" "http://$ip:9033/healthz"; then
    fail "the operator port is in the Service"
fi

say "A rollout under traffic"
touch "$work/go-on"
(
    while [ -e "$work/go-on" ]; do
        curl -sS --max-time 5 -o /dev/null -w '%{http_code}\n' "http://$ip/bookCar" 2>&1 || true
        sleep 0.05
    done
) >"$work/answers" &
traffic=$!
k rollout restart deployment/booking-app-kayak
k rollout status deployment/booking-app-kayak --timeout=120s
# The old pod still drains.
sleep 10
rm "$work/go-on"
wait "$traffic"
sort "$work/answers" | uniq -c
if grep -qvx 200 "$work/answers"; then fail "the rollout dropped requests"; fi
k get pods -o wide

say "Everything answered as it should"
