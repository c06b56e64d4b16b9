#!/usr/bin/env bash
# Get a certificate from Let's Encrypt for the production stack. Run it again at any time: what is there is kept.
set -euo pipefail
cd "$(dirname "$0")"

usage() {
    cat <<'HELP'
Usage: init-letsencrypt.sh [--staging] [DOMAIN [EMAIL]]
Starts nginx (with a self-signed certificate where there is none yet), lets Let's Encrypt check the domain on port 80,
and puts the certificate in place. Open calls go on. The certbot service renews it from then on.

DOMAIN and EMAIL come from the arguments, the environment (DOMAIN, ACME_EMAIL) or the file .env, in this order.
TURN_DOMAIN, from the environment or .env, is a second name that the certificate holds (docs/turn.md, TURN over port 443).
--staging gets a certificate that browsers do not trust, without using up rate limits: try this first.
ACME_SERVER names another certificate authority.

Example:
  ./init-letsencrypt.sh --staging call.example.org admin@example.org
HELP
}
die() { printf 'init-letsencrypt.sh: %s\n' "$*" >&2; exit 2; }

from_env_file() { # NAME: its value in .env, which Compose reads too
    [ -f .env ] || return 0
    sed -n "s/^$1=[\"']\{0,1\}\([^\"']*\)[\"']\{0,1\}[[:space:]]*\$/\1/p" .env | tail -n 1
}

options=()
words=()
for argument in "$@"; do
    case "$argument" in
        -h | --help) usage; exit ;;
        --staging) options+=(--staging) ;;
        -*) die "there is no option $argument; see --help" ;;
        *) words+=("$argument") ;;
    esac
done
[ ${#words[@]} -le 2 ] || die "one domain and one e-mail address; see --help"
DOMAIN=${words[0]:-${DOMAIN:-$(from_env_file DOMAIN)}}
EMAIL=${words[1]:-${ACME_EMAIL:-$(from_env_file ACME_EMAIL)}}

TURN_DOMAIN=${TURN_DOMAIN:-$(from_env_file TURN_DOMAIN)}

is_domain() { [[ $1 =~ ^([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}$ ]]; }
is_domain "$DOMAIN" ||
    die "'${DOMAIN}' is not a domain such as call.example.org; give it as an argument or as DOMAIN in .env"
[ -z "$TURN_DOMAIN" ] || { is_domain "$TURN_DOMAIN" && [[ $TURN_DOMAIN == turn.* ]]; } ||
    die "'${TURN_DOMAIN}' is not a domain that begins with turn., such as turn.call.example.org; write it as TURN_DOMAIN into .env"
[[ $EMAIL =~ ^[^@[:space:]]+@[^@[:space:]]+\.[^@[:space:]]+$ ]] ||
    die "'${EMAIL}' is not an e-mail address; give it as an argument or as ACME_EMAIL in .env"
configured=$(from_env_file DOMAIN)
[ -z "$configured" ] || [ "$configured" = "$DOMAIN" ] ||
    die "the certificate would be for $DOMAIN, but .env says DOMAIN=$configured; make them the same"
command -v docker >/dev/null || die "docker is needed; found none"
export DOMAIN TURN_DOMAIN ACME_EMAIL=$EMAIL

files=(-f docker-compose.prod.yaml)
[ -z "${COMPOSE_FILE:-$(from_env_file COMPOSE_FILE)}" ] || files=() # Compose takes them from there
compose() { docker compose ${files[@]+"${files[@]}"} "$@"; }
compose up --detach --no-deps certbot nginx || die "nginx and certbot could not be started; see the lines above"
environment=()
[ -z "${ACME_SERVER:-}" ] || environment=(--env "ACME_SERVER=$ACME_SERVER")
compose exec -T ${environment[@]+"${environment[@]}"} certbot \
    /opt/chatter/certificate obtain "$DOMAIN${TURN_DOMAIN:+,$TURN_DOMAIN}" "$EMAIL" ${options[@]+"${options[@]}"} ||
    die "no certificate yet: does $DOMAIN${TURN_DOMAIN:+ (and $TURN_DOMAIN)} lead to this machine, and is its port 80 open to the world?"
echo "https://$DOMAIN has its certificate; nginx takes it within a minute, and open calls go on."
