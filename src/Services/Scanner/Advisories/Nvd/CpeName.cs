using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace EnvPlatform.Scanner.Advisories.Nvd;

/// <summary>
/// A name of CPE 2.3 as a formatted string (NISTIR 7695, 6.2), in lower case and without its escapes: <see cref="Any"/> for an unspecified
/// value, <see cref="NotApplicable"/> for one that cannot have a value.
/// </summary>
/// <param name="Part"><c>a</c> application, <c>o</c> operating system, <c>h</c> hardware.</param>
/// <param name="IsPattern">The version holds a wildcard among other characters, and so stands for several.</param>
public sealed record CpeName(
    string Part, string Vendor, string Product, string Version, string Update, string Edition, string SoftwareEdition,
    string TargetSoftware, bool IsPattern)
{
    public const string Any = "*";
    public const string NotApplicable = "-";

    private const int Components = 11;
    private const int MaxLength = 2_048;
    private const string Prefix = "cpe:2.3:";

    public static bool TryParse(string? text, [NotNullWhen(true)] out CpeName? name)
    {
        name = null;
        if (text is null || text.Length > MaxLength || !text.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        Span<string?> values = new string?[Components];
        var value = new StringBuilder();
        var (count, wildcards, patterns) = (0, 0, 0);
        for (var i = Prefix.Length; i <= text.Length; i++)
        {
            if (i == text.Length || text[i] == ':')
            {
                if (count == Components || value.Length == 0)
                {
                    return false;
                }

                if (wildcards > 0 && value.Length > 1)
                {
                    patterns |= 1 << count;
                }

                values[count++] = value.ToString().ToLowerInvariant();
                value.Clear();
                wildcards = 0;
                continue;
            }

            var isEscaped = text[i] == '\\';
            if (isEscaped && ++i == text.Length)
            {
                return false;
            }

            if (!isEscaped && text[i] is '*' or '?')
            {
                wildcards++;
            }

            if (text[i] <= ' ')
            {
                return false;
            }

            value.Append(text[i]);
        }

        if (count != Components || values[0] is not ("a" or "o" or "h" or Any or NotApplicable))
        {
            return false;
        }

        name = new CpeName(
            values[0]!, values[1]!, values[2]!, values[3]!, values[4]!, values[5]!, values[7]!, values[8]!, (patterns & (1 << 3)) != 0);
        return true;
    }
}
