#!/bin/sh
# From a merge to a judged model: tests, image, version, run, wait, report. It ends as the run does: 0 pushed, 3 not
# blessed, 4 data rejected, 5 waits for a reviewer. Run twice for one revision, it joins the run that is there.
#
# Needed:
#   IMAGE_REPOSITORY       where the image goes, such as registry.example.com/team/mainline
#   KF_PIPELINES_ENDPOINT  the address of Kubeflow Pipelines
# May be given:
#   MAINLINE_KFP_TOKEN     a bearer token for it
#   CONFIG                 default: recommender
#   REVISION               default: what is checked out
#   REASON                 default: merge of that
#   SERVICE_ACCOUNT        of the pods; default: mainline-runner, that of deploy/kubeflow
#   CRON                   six fields; if given, the recurring run is moved to the new version once its model is good
#   CLAIM                  where this machine sees the cluster's volume (/mnt/mainline there), for the report
#   OUT                    default: retrain-out; run.json, run.log and, with CLAIM, report/
#   PYTHON                 default: .venv/bin/python
set -eu
cd "$(dirname "$0")/../.."

: "${IMAGE_REPOSITORY:?is not set: where the image goes, such as registry.example.com/team/mainline}"
: "${KF_PIPELINES_ENDPOINT:?is not set: the address of Kubeflow Pipelines}"
export KF_PIPELINES_ENDPOINT
CONFIG=${CONFIG:-recommender}
REVISION=${REVISION:-$(git rev-parse HEAD)}
REASON=${REASON:-merge of $REVISION}
SERVICE_ACCOUNT=${SERVICE_ACCOUNT:-mainline-runner}
OUT=${OUT:-retrain-out}
PYTHON=${PYTHON:-.venv/bin/python}

step() { printf '\n== %s\n' "$1" >&2; }

# The value of a key of a JSON file, or nothing: field FILE KEY [KEY]
field() {
  "$PYTHON" -c '
import json, sys
value = json.load(open(sys.argv[1], encoding="utf-8"))
for key in sys.argv[2:]:
    value = (value or {}).get(key)
print(value or "")' "$@"
}

mkdir -p "$OUT"

step "tests"
make check
make test

step "image"
tag="$IMAGE_REPOSITORY:$REVISION"
docker build --file deploy/Dockerfile.pipeline --build-arg "REVISION=$REVISION" --tag "$tag" .
docker push "$tag"
# The same image may have been pushed elsewhere, too.
image=$(docker inspect --format '{{join .RepoDigests " "}}' "$tag" | tr ' ' '\n' | grep "^$IMAGE_REPOSITORY@" | head -n 1)

step "version"
"$PYTHON" kubeflow_runner.py submit --config "$CONFIG" --image "$image" --upload-only --json >"$OUT/version.json"
version=$(field "$OUT/version.json" version)

step "run of $version"
code=0
"$PYTHON" kubeflow_runner.py retrain --config "$CONFIG" --version "$version" --reason "$REASON" --key "$REVISION" \
  --service-account "$SERVICE_ACCOUNT" --wait --json >"$OUT/run.json" || code=$?

step "report"
run=$(field "$OUT/run.json" run 2>/dev/null || true)
if [ -n "$run" ]; then
  "$PYTHON" kubeflow_runner.py logs "$run" >"$OUT/run.log" || true
  report=$(field "$OUT/run.json" summary report)
  if [ -n "${CLAIM:-}" ] && [ -n "$report" ]; then
    mkdir -p "$OUT/report"
    cp -R "$(dirname "$CLAIM/${report#/mnt/mainline/}")/." "$OUT/report/"
  fi
  printf '%s\n%s\n' "$(field "$OUT/run.json" url)" "$(field "$OUT/run.json" summary status)"
fi

# A version whose first model was not good enough is none to be run every night.
if [ -n "${CRON:-}" ] && { [ "$code" -eq 0 ] || [ "$code" -eq 5 ]; }; then
  step "schedule"
  "$PYTHON" kubeflow_runner.py schedule --config "$CONFIG" --image "$image" --cron "$CRON" \
    --service-account "$SERVICE_ACCOUNT"
fi
exit "$code"
