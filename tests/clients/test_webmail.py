#!/usr/bin/env python3
"""Webmail: SquirrelMail's four methods as it speaks them, and PEAR's Net_SMTP and Net_IMAP with Auth_SASL, the
libraries of Roundcube and others.

The four (login, plain, cram-md5, digest-md5) go over PHP's own streams, on the TLS ports and after STARTTLS; a wrong
password is refused in each.
"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
from harness import run

harness.need("php")

FOUR = r"""<?php
// One login: argv is service, way, method, port, user, password, certificate.
[, $service, $way, $method, $port, $user, $pass, $ca] = $argv;
$context = stream_context_create(['ssl' => ['cafile' => $ca, 'peer_name' => 'localhost']]);
$f = stream_socket_client(($way == 'tls' ? 'ssl' : 'tcp')."://localhost:$port", $e, $text, 20, STREAM_CLIENT_CONNECT, $context) or die("no connection: $text");
$imap = $service == 'imap';
function hear() { global $f, $log; $l = fgets($f); $log .= "S: $l"; return $l; }
function say($l) { global $f, $log; $log .= "C: $l\n"; fwrite($f, "$l\r\n"); }
function answer() { global $imap; do { $l = hear(); } while ($l && ($imap ? $l[0] == '*' : substr($l, 3, 1) == '-')); return $l; }
function challenge($l) {
  global $imap, $log;
  if (substr($l, 0, $imap ? 1 : 3) != ($imap ? '+' : '334')) { echo json_encode([false, $log]); exit; }
  return base64_decode(substr($l, $imap ? 2 : 4));
}
hear();
if (!$imap) { say('EHLO webmail.example'); answer(); }
if ($way == 'starttls') {
  say($imap ? 'A000 STARTTLS' : 'STARTTLS');
  answer();
  stream_socket_enable_crypto($f, true, STREAM_CRYPTO_METHOD_TLS_CLIENT) or die("no TLS");
  if (!$imap) { say('EHLO webmail.example'); answer(); }
}
function hmac($key, $data) {
  $key = str_pad(strlen($key) > 64 ? md5($key, true) : $key, 64, "\0");
  return md5(($key ^ str_repeat("\x5c", 64)).md5(($key ^ str_repeat("\x36", 64)).$data, true));
}
function digest($challenge) {
  global $service, $user, $pass;
  // As strict as SquirrelMail's reader: a name begins right behind the comma.
  for ($c = []; $challenge != ''; $challenge = ltrim(substr($challenge, strlen($m[0])), ',')) {
    preg_match('/^([^=]*)=("[^"]*"|[^,]*)/', $challenge, $m) or die("what is $challenge");
    $c[$m[1]] = trim($m[2], '"');
  }
  $cnonce = base64_encode(md5(microtime(), true));
  $uri = "$service/localhost";
  $a1 = md5(md5("$user:{$c['realm']}:$pass", true).":{$c['nonce']}:$cnonce");
  $end = "{$c['nonce']}:00000001:$cnonce:auth:";
  $response = md5("$a1:$end".md5("AUTHENTICATE:$uri"));
  return [md5("$a1:$end".md5(":$uri")), "charset=utf-8,username=\"$user\",realm=\"{$c['realm']}\",nonce=\"{$c['nonce']}\",nc=00000001,"
    ."cnonce=\"$cnonce\",digest-uri=\"$uri\",response=$response,qop=auth"];
}
$word = $imap ? 'A001 AUTHENTICATE' : 'AUTH';
if ($method == 'login' && $imap) {
  say("A001 LOGIN \"$user\" \"$pass\"");
} elseif ($method == 'login') {
  say('AUTH LOGIN'); answer(); say(base64_encode($user)); answer(); say(base64_encode($pass));
} elseif ($method == 'plain') {
  $p = base64_encode("$user\0$user\0$pass");
  if ($imap) { say("$word PLAIN"); answer(); say($p); } else say("$word PLAIN $p");
} elseif ($method == 'cram-md5') {
  say("$word CRAM-MD5"); $c = challenge(answer()); say(base64_encode("$user ".hmac($pass, $c)));
} else {
  say("$word DIGEST-MD5"); [$proof, $r] = digest(challenge(answer())); say(base64_encode($r));
  if (challenge($l = answer()) != "rspauth=$proof") die("the server does not know the password: $l");
  say('');
}
$l = answer();
$good = $l && substr($l, 0, $imap ? 7 : 3) == ($imap ? 'A001 OK' : '235');
if ($good) {
  say($imap ? 'A002 SELECT INBOX' : "MAIL FROM:<me@dmail.test>");
  $l = answer();
  $good = substr($l, 0, $imap ? 7 : 3) == ($imap ? 'A002 OK' : '250');
}
echo json_encode([$good, $log]);
"""

PEAR = r"""<?php
error_reporting(E_ERROR);
set_include_path('/usr/share/php');
[, $library, $way, $method, $port, $user, $pass, $ca] = $argv;
$options = ['ssl' => ['cafile' => $ca, 'peer_name' => 'localhost', 'verify_peer_name' => true]];
if ($library == 'smtp') {
  require 'Net/SMTP.php';
  $s = new Net_SMTP(($way == 'tls' ? 'ssl://' : '').'localhost', $port, 'webmail.example', false, 20, $options);
  $r = $s->connect(20);
  if (!PEAR::isError($r)) $r = $s->auth($user, $pass, $method, $way == 'starttls');
  if (!PEAR::isError($r)) $r = $s->mailFrom('me@dmail.test');
} else {
  require 'Net/IMAPProtocol.php';  // Net_IMAP itself calls a constructor by a name that PHP 8 no longer knows
  $s = new Net_IMAPProtocol();
  $s->setStreamContextOptions($options);
  $r = $s->cmdConnect(($way == 'tls' ? 'ssl://' : '').'localhost', $port);
  if (!PEAR::isError($r) && $way == 'starttls') $r = $s->cmdStartTLS();
  if (!PEAR::isError($r)) $r = $s->cmdAuthenticate($user, $pass, $method);
  if (!PEAR::isError($r)) $r = $s->cmdSelect('INBOX');
}
echo json_encode([!PEAR::isError($r) && ($library == 'smtp' || $r['RESPONSE']['CODE'] == 'OK'), PEAR::isError($r) ? $r->getMessage() : $r]);
"""

t = harness.Suite()
with harness.Instance() as i:
    home = harness.scratch()
    ports = {"imap": {"tls": i.IMAPS_PORT, "starttls": i.IMAP_PORT, "plain": i.IMAP_PORT},
             "smtp": {"tls": i.SUBMISSIONS_PORT, "starttls": i.SUBMISSION_PORT, "plain": i.SUBMISSION_PORT}}
    for name, text in (("four", FOUR), ("pear", PEAR)):
        with open("%s/%s.php" % (home, name), "w") as f:
            f.write(text)

    def php(script, service, way, method, password):
        status, out, err = run(["php", "%s/%s.php" % (home, script), service, way, method, str(ports[service][way]), i.USER1, password, i.CAFILE])
        try:
            good, text = json.loads(out.decode().strip().split("\n")[-1])
            return good, text
        except ValueError:
            return None, (out + err).decode("utf-8", "replace")

    for service in ("imap", "smtp"):
        for method in ("login", "plain", "cram-md5", "digest-md5"):
            for way in ("tls", "starttls", "plain"):
                good, text = php("four", service, way, method, i.PASS1)
                t.check("SquirrelMail's %s on %s, %s" % (method, service, way), good, text)
            good, text = php("four", service, "tls", method, "wrong")
            t.check("SquirrelMail's %s on %s with a wrong password" % (method, service), good is False, text)
    for service, package, path, methods in (("smtp", "php-net-smtp", "/usr/share/php/Net/SMTP.php", ("PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5")),
                                            ("imap", "php-net-imap", "/usr/share/php/Net/IMAPProtocol.php", ("LOGIN", "CRAM-MD5", "DIGEST-MD5"))):
        if not os.path.exists(path) or not os.path.exists("/usr/share/php/Auth/SASL.php"):
            t.skip("not installed: %s with php-auth-sasl" % package)
            continue
        for method in methods:
            for way in ("tls", "starttls", "plain"):
                good, text = php("pear", service, way, method, i.PASS1)
                t.check("PEAR's Net_%s by %s, %s" % (service.upper(), method, way), good, text)
            if (service, method) == ("imap", "DIGEST-MD5"):
                continue  # refused, it waits for the next line for ever
            t.check("PEAR's Net_%s by %s with a wrong password" % (service.upper(), method), php("pear", service, "tls", method, "wrong")[0] is False)
t.end()
