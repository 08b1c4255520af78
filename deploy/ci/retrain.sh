#!/bin/sh
# From a merge to an evaluated model: tests, image, version, run, wait, report. The exit code is that of the run: 0 pushed,
# 3 not blessed, 4 data rejected, 5 waiting for a reviewer. A second call for the same revision waits for the first run.
#
# Required variables:
#   IMAGE_REPOSITORY       of the image, such as registry.example.com/team/mainline
#   KF_PIPELINES_ENDPOINT  the address of Kubeflow Pipelines
# Optional variables:
#   MAINLINE_KFP_TOKEN     a bearer token for Kubeflow Pipelines
#   CONFIG                 default: recommender
#   REVISION               default: the checked-out commit
#   REASON                 default: merge of REVISION
#   SERVICE_ACCOUNT        of the pods; default: mainline-runner, that of deploy/kubeflow
#   CRON                   six fields; if set, the recurring run moves to the new version once its model is pushed or waits
#   CLAIM                  the path of the cluster's volume on this machine (/mnt/mainline in pods), to copy the report
#   OUT                    default: retrain-out; run.json, run.log and, with CLAIM, report/
#   PYTHON                 default: .venv/bin/python
set -eu
cd "$(dirname "$0")/../.."

: "${IMAGE_REPOSITORY:?is not set: of the image, such as registry.example.com/team/mainline}"
: "${KF_PIPELINES_ENDPOINT:?is not set: the address of Kubeflow Pipelines}"
export KF_PIPELINES_ENDPOINT
CONFIG=${CONFIG:-recommender}
REVISION=${REVISION:-$(git rev-parse HEAD)}
REASON=${REASON:-merge of $REVISION}
SERVICE_ACCOUNT=${SERVICE_ACCOUNT:-mainline-runner}
OUT=${OUT:-retrain-out}
PYTHON=${PYTHON:-.venv/bin/python}

step() { printf '\n== %s\n' "$1" >&2; }

# Print the value of a key in a JSON file, if any: field FILE KEY [KEY]
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
# The image may have digests in other repositories too.
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

# Do not schedule a version whose first model was rejected.
if [ -n "${CRON:-}" ] && { [ "$code" -eq 0 ] || [ "$code" -eq 5 ]; }; then
  step "schedule"
  "$PYTHON" kubeflow_runner.py schedule --config "$CONFIG" --image "$image" --cron "$CRON" \
    --service-account "$SERVICE_ACCOUNT"
fi
exit "$code"
