using System.IO.Compression;
using System.Text;
using System.Text.RegularExpressions;

namespace EnvPlatform.Agent.Client;

/// <summary>The formats of vulnerability data that the platform imports.</summary>
internal static partial class AdvisoryFormat
{
    public const string Parselmouth = "parselmouth";
    public const string Grayskull = "grayskull";
    public static readonly string[] All = ["osv", "nvd", "kev", "epss", Parselmouth, Grayskull];

    /// <summary>The format of a file by its first bytes (unpacked where it is gzip), or null where they do not show it.</summary>
    public static string? Of(ReadOnlySpan<byte> head)
    {
        if (head.StartsWith("PK"u8))
        {
            return "osv";
        }

        var text = Encoding.UTF8.GetString(IsGzip(head) ? Unpacked(head.ToArray()) : head).TrimStart('\uFEFF', ' ', '\t', '\r', '\n');
        if (text.StartsWith("#model_version", StringComparison.Ordinal) || text.StartsWith("cve,epss", StringComparison.OrdinalIgnoreCase))
        {
            return "epss";
        }

        if (text.Contains("\"catalogVersion\"", StringComparison.Ordinal) || text.Contains("\"cveID\"", StringComparison.Ordinal))
        {
            return "kev";
        }

        if (text.Contains("\"NVD_CVE\"", StringComparison.Ordinal) || text.Contains("\"sourceIdentifier\"", StringComparison.Ordinal))
        {
            return "nvd";
        }

        if (text.Contains("\"schema_version\"", StringComparison.Ordinal) || text.Contains("\"affected\"", StringComparison.Ordinal))
        {
            return "osv";
        }

        if (ListsNames().IsMatch(text))
        {
            return Parselmouth;
        }

        return NamesOfCondaForge().IsMatch(text) ? Grayskull : null;
    }

    /// <summary>The media type of a file by its first bytes.</summary>
    public static string MediaType(ReadOnlySpan<byte> head, string format) =>
        head.StartsWith("PK"u8) ? "application/zip" : IsGzip(head) ? "application/gzip" : format switch
        {
            "epss" => "text/csv",
            Grayskull => "application/yaml",
            _ => "application/json",
        };

    // {"conda-name": ["pypi-name"], "another": null
    [GeneratedRegex("""^\{\s*"[^"]+"\s*:\s*(?:null|\[\s*"[^"]*"\s*(?:,\s*"[^"]*"\s*)*\])\s*[,}]""", RegexOptions.NonBacktracking)]
    private static partial Regex ListsNames();

    // pypi-name:\n  conda_forge: conda-name
    [GeneratedRegex("""^[^\s#{}\[\]]+:\s*\n(?:[ \t]+\S.*\n)*?[ \t]+conda_forge:""", RegexOptions.Multiline | RegexOptions.NonBacktracking)]
    private static partial Regex NamesOfCondaForge();

    private static bool IsGzip(ReadOnlySpan<byte> head) => head.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B]);

    private static byte[] Unpacked(byte[] head)
    {
        var text = new byte[8_192];
        try
        {
            using var gzip = new GZipStream(new MemoryStream(head), CompressionMode.Decompress);
            return text[..gzip.ReadAtLeast(text, text.Length, throwOnEndOfStream: false)];
        }
        catch (InvalidDataException)
        {
            return [];
        }
    }
}
