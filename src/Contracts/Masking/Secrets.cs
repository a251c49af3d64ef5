using System.Text.RegularExpressions;

namespace EnvPlatform.Contracts.Masking;

/// <summary>
/// Masks the secrets that people type into conda, pip and shell commands. The agent masks before the text leaves the machine, and the
/// platform masks again, since anybody may call it.
/// </summary>
public static partial class Secrets
{
    private const string Mask = "***";

    /// <summary>
    /// Milliseconds. The patterns repeat without a limit only where a match cannot fail afterwards, so that a text costs time in proportion
    /// to its length; this is for what was overlooked.
    /// </summary>
    private const int Patience = 1_000;
    private const RegexOptions Options = RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant;

    /// <summary>
    /// The text with these replaced by <c>***</c>: the token of <c>/t/TOKEN/</c>; credentials before <c>@</c> in URLs with or without a
    /// scheme, also percent-encoded (RFC 3986); the values of options, query fields, variables, headers and JSON or YAML keys whose names
    /// say token, password, secret, key, credential or signature; private keys (RFC 7468); and tokens that are known by their form, such
    /// as GitHub's, GitLab's, Amazon's, this platform's own and JSON Web Tokens (RFC 7519). A text that cannot be read in a second is
    /// masked whole.
    /// </summary>
    public static string Masked(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        try
        {
            text = PrivateKey().Replace(text, Mask);
            text = ChannelToken().Replace(text, "${lead}" + Mask);
            text = UrlCredentials().Replace(text, "${scheme}" + Mask + "${at}");
            text = BareCredentials().Replace(text, Mask + "@");
            text = Header().Replace(text, "${name}" + Mask);
            text = NamedSecret().Replace(text, "${name}" + Mask);
            text = UserOption().Replace(text, "${name}" + Mask);
            return KnownForm().Replace(text, Mask);
        }
        catch (RegexMatchTimeoutException)
        {
            return Mask;
        }
    }

    [GeneratedRegex(
        "-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|$)", Options | RegexOptions.Singleline, Patience)]
    private static partial Regex PrivateKey();

    [GeneratedRegex("""(?<lead>/t/|%2Ft%2F)[^/\s"'?#%]+""", Options | RegexOptions.IgnoreCase, Patience)]
    private static partial Regex ChannelToken();

    // Greedy up to the last @ before the path: a password may itself hold an @.
    [GeneratedRegex("""(?<scheme>://|%3A%2F%2F)[^/\s"']{0,1000}(?<at>@|%40)""", Options | RegexOptions.IgnoreCase, Patience)]
    private static partial Regex UrlCredentials();

    [GeneratedRegex("""(?<=^|[\s"'=])[^\s/:@"'=]{1,200}:[^\s/"']{1,1000}@(?=[\w.-])""", Options, Patience)]
    private static partial Regex BareCredentials();

    // A cookie's value goes on to the end of the header; the others' is one word after the name of a scheme (RFC 9110, 11.4).
    [GeneratedRegex(
        """(?<name>\b((proxy-)?authorization["']?\s*[:=]|(private-token|x-[\w-]{0,40}(token|key|auth|api)[\w-]{0,40})["']?\s*:)\s*["']?((bearer|basic|token|digest)\s+)?|\bbearer\s+)[^\s"']+|(?<name>\b(set-)?cookie\s*:\s*)[^"'\r\n]+""",
        Options | RegexOptions.IgnoreCase, Patience)]
    private static partial Regex Header();

    [GeneratedRegex(
        """(?<name>(token|passw(or)?d|passphrase|secret|api[-_]?key|access[-_]?key|private[-_]?key|credentials?|signature|(?<=[?&])sig)["']?(\s*[=:]\s*|(?<=--[\w-]{1,60})\s+))("[^"]*"|'[^']*'|[^\s&"',;}]+)""",
        Options | RegexOptions.IgnoreCase, Patience)]
    private static partial Regex NamedSecret();

    // curl -u ada:secret, --user ada:secret
    [GeneratedRegex("""(?<name>(?<=\s)(-u|--(proxy-)?user)[\s=]*["']?)[^\s:/+"']+:(?!:)[^\s"']+""", Options, Patience)]
    private static partial Regex UserOption();

    [GeneratedRegex(
        """\b(gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeprs]-[\w-]{10,}|(AKIA|ASIA)[A-Z0-9]{16}|hf_[A-Za-z0-9]{16,}|npm_[A-Za-z0-9]{20,}|pypi-AgE[\w-]{16,}|sk-[A-Za-z0-9]{20,}|env[ips]_[A-Za-z0-9]{16,}|AIza[\w-]{30,}|eyJ[\w-]{8,1000}\.[\w-]{2,}\.[\w-]*)""",
        Options, Patience)]
    private static partial Regex KnownForm();
}
