-- Commands that were stored before their secrets were known by every form: the same forms as Contracts' Secrets has, in the order in which
-- they are masked there. What looks like a secret and is none is masked too; a history without a word is better than one with a password.
update environment_logs l
set command = masked.command
from (
    select org_id, environment_id, version, logged_at,
        regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(
            regexp_replace(command,
            '-----BEGIN [A-Z ]*PRIVATE KEY-----.*', '***', 'g'),
            '(/t/|%2Ft%2F)[^/\s"''?#%]+', '\1***', 'gi'),
            '(://|%3A%2F%2F)[^/\s"'']*(@|%40)', '\1***\2', 'gi'),
            '(^|[\s"''=])[^\s/:@"''=]+:[^\s/"'']+@', '\1***@', 'g'),
            '\m(((proxy-)?authorization["'']?\s*[:=]|(private-token|x-[\w-]*(token|key|auth|api)[\w-]*)["'']?\s*:)\s*["'']?((bearer|basic|token|digest)\s+)?|bearer\s+)[^\s"'']+', '\1***', 'gi'),
            '\m((set-)?cookie\s*:\s*)[^"''\r\n]+', '\1***', 'gi'),
            '((token|passwd|password|passphrase|secret|api[-_]?key|access[-_]?key|private[-_]?key|credentials?|signature|[?&]sig)["'']?(\s*[=:]\s*|\s+))("[^"]*"|''[^'']*''|[^\s&"'',;}]+)', '\1***', 'gi'),
            '(\s(-u|--user|--proxy-user)[\s=]*["'']?)[^\s:/+"'']+:(?!:)[^\s"'']+', '\1***', 'g'),
            '\m(gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeprs]-[\w-]{10,}|(AKIA|ASIA)[A-Z0-9]{16}|hf_[A-Za-z0-9]{16,}|npm_[A-Za-z0-9]{20,}|pypi-AgE[\w-]{16,}|sk-[A-Za-z0-9]{20,}|env[ps]_[A-Za-z0-9]{16,}|AIza[\w-]{30,}|eyJ[\w-]{8,}\.[\w-]{2,}\.[\w-]*)', '***', 'g')
            as command
    from environment_logs
    where command is not null
) masked
where (l.org_id, l.environment_id, l.version, l.logged_at) = (masked.org_id, masked.environment_id, masked.version, masked.logged_at)
    and l.command <> masked.command;
