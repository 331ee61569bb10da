#!/bin/bash
# The pods on the Kubernetes cluster that kubectl points to (make e2e-k8s): the plain pods; then the
# Deployments behind their Services under steady load (load.py), while a format that is a jq filter is
# edited, and while they are rolled out, lose pods and adapters, and are scaled. All in a namespace of
# its own, which is removed at the end.
#
# Run it where pod and service addresses can be reached: on a node, or with a route to them.
# The cluster must be able to get the images. From the environment:
#   IMAGE_PREFIX  in front of each image name, such as registry.example.com/team/  (none)
#   TAG           the images' tag                                       (the content of VERSION)
#   NAMESPACE     made for the test, and deleted                        (booking-e2e)
#   DEPLOYMENT    kustomization to try as the Deployments  (tests/e2e/k8s-try from Kubernetes 1.29
#                 on, which has native sidecars; else tests/e2e/k8s, the base for kayak)
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

# check_offer PARTNER URL: its seed line, or of those whose offers name times, an object.
check_offer() {
    local seed=tests/e2e/seed/$1.json
    curl -sS --max-time 5 -o "$work/answer" "$2" || fail "no answer from $2 (is it routed here?)"
    if [ -e "$seed" ]; then
        cmp "$work/answer" "$seed" || fail "$2 answers: $(cat "$work/answer")"
    else
        grep -q '^{.*}$' "$work/answer" || fail "$2 answers: $(cat "$work/answer")"
    fi
    printf 'curl %s\n%s\n' "$2" "$(cat "$work/answer")"
}

command -v kubectl >/dev/null || fail "kubectl is missing: install it, and point it to a cluster"
kubectl create namespace "$namespace"
trap clean_up EXIT

say "The plain pods"
mapfile -t partners < <(awk '/^[a-z]/ && $2 != "image" { print $1 }' partners)
for partner in "${partners[@]}"; do
    set_images <"deploy/pods/booking-app-$partner.yaml" | k apply -f -
done
k wait --for=condition=Ready "${partners[@]/#/pod/booking-app-}" --timeout=90s
k get pods -o wide
for partner in "${partners[@]}"; do
    ip=$(k get pod "booking-app-$partner" -o jsonpath='{.status.podIP}')
    check_offer "$partner" "http://$ip:33/bookCar"
    check_offer "$partner" "http://$ip:33/bookCar/"
    if curl -s --max-time 2 -o "$work/answer" "http://$ip:9096/healthz"; then
        fail "$ip:9096 answers from outside the pod"
    fi
done
echo "9096 does not answer from outside."

if [ -z "${DEPLOYMENT-}" ]; then
    minor=$(kubectl version -o json | tr -d ' \n' |
        sed -E 's/.*"serverVersion":\{[^}]*"minor":"([0-9]+).*/\1/')
    DEPLOYMENT=tests/e2e/k8s
    if [ "$minor" -ge 29 ]; then DEPLOYMENT=tests/e2e/k8s-try; fi
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
# The ConfigMap with a Deployment's format, if that is a jq filter.
format_of() { k get "$1" -o jsonpath='{..volumes[?(@.name=="format")].configMap.name}'; }

say "$DEPLOYMENT: Deployments behind their Services"
# shellcheck disable=SC2086 # a command with its arguments
${KUSTOMIZE:-kubectl kustomize} "$DEPLOYMENT" | set_images | k apply -f -
mapfile -t deployments < <(k get deployments -l app.kubernetes.io/name=booking-app -o name)
targets=()
offers=()
in_jq=()
for deployment in "${deployments[@]}"; do
    # Long enough for engines that start before their database, and for its image.
    k rollout status "$deployment" --timeout=300s
    partner=${deployment#*/booking-app-}
    ip=$(k get service "booking-app-$partner" -o jsonpath='{.spec.clusterIP}')
    check_offer "$partner" "http://$ip/bookCar"
    check_offer "$partner" "http://$ip/$partner/bookCar"
    if curl -s --max-time 2 -o "$work/answer" "http://$ip:9033/healthz"; then
        fail "the operator port is in the Service"
    fi
    targets+=("$partner=http://$ip/$partner")
    # Bookings in an emptyDir are their pod's alone.
    if [ -n "$(k get "$deployment" -o jsonpath='{..volumes[?(@.name=="data")].emptyDir}')" ]; then
        offers=(--offers)
    fi
    if [ -n "$(format_of "$deployment")" ]; then in_jq+=("$deployment"); fi
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
    until offer=$(curl -fsS --max-time 5 -G "${targets[1]#*=}/bookCar" \
            -d "pickup_at=${day}T09:00:00Z" -d "return_at=${day}T18:00:00Z") &&
        [[ $offer != *"\"$car\""* ]]; do
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
                k exec "$pod" -c killer -- sh -c "kill -9 \$(pidof adapter)"
                until [ "$(restarts "$pod")" != "$before" ]; do sleep 0.2; done
                settle "$deployment"
                killed=$((killed + 1))
                if [ "$killed" -eq "$1" ]; then return; fi
            done
        done
        roll_out 1
    done
}

# answers_of DEPLOYMENT: what each of its pods offers.
answers_of() {
    local pod
    for pod in $(ready_pods "$1"); do
        curl -sS --max-time 5 "http://$(k get pod "$pod" -o jsonpath='{.status.podIP}'):33/bookCar"
        echo
    done
}

# set_format CONFIGMAP FILTER
set_format() {
    k patch configmap "$1" --type merge --patch "$(python3 -c '
import json, sys
print(json.dumps({"data": {"format.jq": sys.argv[1]}}))' "$2")"
}

# in_all DEPLOYMENT FUNCTION PATTERN: until each of its pods has such a line. The kubelet brings an
# edited ConfigMap within a minute or two.
in_all() {
    local pods end=$((SECONDS + 240))
    pods=$(ready_pods "$1" | wc -l)
    until [ "$("$2" "$1" | grep -c "$3")" -eq "$pods" ]; do
        [ "$SECONDS" -lt "$end" ] || fail "$1 has no '$3': $("$2" "$1")"
        sleep 1
    done
}

refusals_of() {
    local pod
    for pod in $(ready_pods "$1"); do k logs "$pod" -c adapter | grep -m 1 refused || true; done
}

lives_of() { k get pods -l "app.kubernetes.io/instance=${1#*/}" -o jsonpath='{..uid} {..restartCount}'; }

# Each format that is a jq filter, by its ConfigMap alone: once with a mistake, which is refused, and
# once well. No pod and no container is started again.
edit_formats() {
    local deployment config filter before
    for deployment in "${in_jq[@]}"; do
        config=$(format_of "$deployment")
        filter=$(k get configmap "$config" -o jsonpath='{.data.format\.jq}')
        before=$(lives_of "$deployment")
        set_format "$config" "$filter
            | {a: }"
        in_all "$deployment" refusals_of refused
        set_format "$config" "$filter
            | . + {edited: true}"
        in_all "$deployment" answers_of '"edited":true'
        [ "$(lives_of "$deployment")" = "$before" ] || fail "$deployment was started again"
    done
}

scale 2
if [ "${#in_jq[@]}" -gt 0 ]; then under_load 0 edit_formats; fi
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
