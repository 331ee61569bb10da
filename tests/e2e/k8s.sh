#!/bin/bash
# The pods on the Kubernetes cluster that kubectl points to (make e2e-k8s): both plain pods; then the
# Deployments behind their Services under steady load (load.py), while they are rolled out, lose pods
# and adapters, and are scaled. All in a namespace of its own, which is removed at the end.
#
# Run it where pod and service addresses can be reached: on a node, or with a route to them.
# The cluster must be able to get the images. From the environment:
#   IMAGE_PREFIX  in front of each image name, such as registry.example.com/team/  (none)
#   TAG           the images' tag                                       (the content of VERSION)
#   NAMESPACE     made for the test, and deleted                        (booking-e2e)
#   DEPLOYMENT    kustomization to try as the Deployments  (deploy/overlays/try from Kubernetes
#                 1.29 on, which has native sidecars; else tests/e2e/k8s, the base for kayak)
#   KUSTOMIZE     renders it   (kubectl kustomize; name a newer one for tests/e2e/k8s-all on an old cluster)
#   ROLLOUTS, DELETIONS, SCALINGS, KILLS   how many of each             (20, 20, 5, 20)
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
set_images() { sed -E "s#image: (booking-main|adapter-[a-z0-9-]+)(:.*)?\$#image: ${prefix}\1:${tag}#"; }

clean_up() {
    local result=$?
    # shellcheck disable=SC2046 # a list of processes
    kill $(jobs -p) 2>/dev/null || true
    if [ "$result" -ne 0 ]; then
        if [ -e "$work/log" ]; then cat "$work/log"; fi
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
say "$DEPLOYMENT: Deployments behind their Services"
# shellcheck disable=SC2086 # a command with its arguments
${KUSTOMIZE:-kubectl kustomize} "$DEPLOYMENT" | set_images | k apply -f -
mapfile -t deployments < <(k get deployments -l app.kubernetes.io/name=booking-app -o name)
targets=()
offers=()
for deployment in "${deployments[@]}"; do
    # Long enough for engines that start before their database, and for its image.
    k rollout status "$deployment" --timeout=300s
    partner=${deployment#*/booking-app-}
    ip=$(k get service "booking-app-$partner" -o jsonpath='{.spec.clusterIP}')
    same_as_seed "$partner" "http://$ip/bookCar"
    same_as_seed "$partner" "http://$ip/$partner/bookCar"
    if curl -s --max-time 2 -o "$work/answer" "http://$ip:9033/healthz"; then
        fail "the operator port is in the Service"
    fi
    targets+=("$partner=http://$ip/$partner")
    # Bookings in an emptyDir are their pod's alone.
    if [ -n "$(k get "$deployment" -o jsonpath='{..volumes[?(@.name=="data")].emptyDir}')" ]; then
        offers=(--offers)
    fi
done

# What one partner sells, another does not offer, where they have one fleet.
if [ "${#targets[@]}" -gt 1 ] && [ "${#offers[@]}" -eq 0 ]; then
    say "One fleet"
    day=$(date -u -d +3days +%F)
    sold=$(curl -sS --max-time 5 "${targets[0]#*=}/bookCar" \
        -d "{\"pickup_at\":\"${day}T09:00:00Z\",\"return_at\":\"${day}T18:00:00Z\"}")
    printf 'sold:    %s\n' "$sold"
    car=$(sed -E 's/.*"carid":"([^"]*)".*/\1/' <<<"$sold")
    end=$((SECONDS + 10))
    until offer=$(curl -sS --max-time 5 -G "${targets[1]#*=}/bookCar" \
            -d "pickup_at=${day}T09:00:00Z" -d "return_at=${day}T18:00:00Z") &&
        [[ $offer == *'"carid"'* && $offer != *"\"$car\""* ]]; do
        [ "$SECONDS" -lt "$end" ] || fail "sold, and still offered: $offer"
    done
    printf 'offered: %s\n' "$offer"
fi

# under_load SHARE COMMAND...: no more than that share of the requests may fail meanwhile.
under_load() {
    local share=$1
    shift
    say "Under load: $*"
    python3 -B tests/e2e/load.py --allowed "$share" "${offers[@]}" "${targets[@]}" &
    local clients=$!
    # Not with || or in a condition: an error in it is to end this script.
    "$@" >"$work/log" 2>&1
    # What was told to stop still drains.
    sleep 10
    kill "$clients"
    wait "$clients" || fail "too many requests failed"
    rm "$work/log"
}

# The names of a Deployment's pods that are ready, and not told to stop.
ready_pods() {
    # shellcheck disable=SC2016 # the template's own variable
    k get pods -l "app.kubernetes.io/instance=${1#*/}" -o go-template='{{range .items}}
        {{- if not .metadata.deletionTimestamp}}{{$name := .metadata.name}}{{range .status.conditions}}
        {{- if and (eq .type "Ready") (eq .status "True")}}{{$name}}{{"\n"}}{{end}}
        {{- end}}{{end}}{{end}}'
}

# Until a Deployment has as many of them as it is to have.
settle() {
    local end=$((SECONDS + 300))
    until [ "$(ready_pods "$1" | wc -l)" -eq "$(k get "$1" -o jsonpath='{.spec.replicas}')" ]; do
        [ "$SECONDS" -lt "$end" ] || fail "$1 has not as many pods ready as it is to have"
        sleep 0.2
    done
}

roll_out() {
    local deployment
    for ((i = 0; i < $1; i++)); do
        k rollout restart "${deployments[@]}"
        for deployment in "${deployments[@]}"; do
            k rollout status "$deployment" --timeout=300s
        done
    done
}

scale() {
    local deployment
    k scale "${deployments[@]}" --replicas="$1"
    for deployment in "${deployments[@]}"; do settle "$deployment"; done
}

scale_times() {
    local counts=(4 2 3 1 2)
    for ((i = 0; i < $1; i++)); do scale "${counts[i % ${#counts[@]}]}"; done
}

delete_pods() {
    local deployment
    for ((i = 0; i < $1; i++)); do
        deployment=${deployments[i % ${#deployments[@]}]}
        k delete pod --wait=false "$(ready_pods "$deployment" | head -n 1)"
        settle "$deployment"
    done
}

restarts() { k get pod "$1" -o jsonpath='{..restartCount}'; }

# Each pod's adapter twice, then all pods anew: Kubernetes starts a container again at once the
# first time, ten seconds later the second, and ever later after that.
kill_adapters() {
    local killed=0 deployment pod before
    while true; do
        for deployment in "${deployments[@]}" "${deployments[@]}"; do
            for pod in $(ready_pods "$deployment"); do
                before=$(restarts "$pod")
                k exec "$pod" -c killer -- sh -c "kill -9 \$(pidof adapter-${deployment#*/booking-app-})"
                until [ "$(restarts "$pod")" != "$before" ]; do sleep 0.2; done
                settle "$deployment"
                killed=$((killed + 1))
                if [ "$killed" -eq "$1" ]; then return; fi
            done
        done
        roll_out 1
    done
}

scale 2
under_load 0 roll_out "${ROLLOUTS:-20}"
under_load 0 delete_pods "${DELETIONS:-20}"
under_load 0 scale_times "${SCALINGS:-5}"
# The adapters' image has no shell to kill anything with.
for deployment in "${deployments[@]}"; do
    k patch "$deployment" --patch "$(cat tests/e2e/killer.yaml)"
done
scale 3
roll_out 1
under_load 0.002 kill_adapters "${KILLS:-20}"
k get pods -o wide

say "Everything answered as it should"
