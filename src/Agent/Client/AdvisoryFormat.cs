using System.IO.Compression;
using System.Text;
using System.Text.RegularExpressions;

namespace EnvPlatform.Agent.Client;

/// <summary>The formats of vulnerability data that the platform imports.</summary>
internal static partial class AdvisoryFormat
{
    public const string Parselmouth = "parselmouth";
    public const string Grayskull = "grayskull";
    public const string Repodata = "repodata";
    public static readonly string[] All = ["osv", "nvd", "kev", "epss", Parselmouth, Grayskull, Repodata];

    /// <summary>The format of a file by its first bytes (unpacked where it is gzip), or null where they do not show it.</summary>
    public static string? Of(ReadOnlySpan<byte> head)
    {
        // Of all formats, Zstandard is usual for repodata alone.
        if (IsZstandard(head))
        {
            return Repodata;
        }

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

        if (BeginsAsRepodata().IsMatch(text))
        {
            return Repodata;
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
        head.StartsWith("PK"u8) ? "application/zip" : IsGzip(head) ? "application/gzip"
        : IsZstandard(head) ? "application/zstd" : format switch
        {
            "epss" => "text/csv",
            Grayskull => "application/yaml",
            _ => "application/json",
        };

    // {"conda-name": ["pypi-name"], "another": null
    [GeneratedRegex("""^\{\s*"[^"]+"\s*:\s*(?:null|\[\s*"[^"]*"\s*(?:,\s*"[^"]*"\s*)*\])\s*[,}]""", RegexOptions.NonBacktracking)]
    private static partial Regex ListsNames();

    // {"info": {"subdir": "linux-64"}, "packages": {
    [GeneratedRegex(
        """^\{\s*(?:"info"\s*:\s*\{[^{}]*"subdir"|"(?:packages|packages\.conda)"\s*:\s*\{\s*(?:\}|"[^"]+\.(?:conda|tar\.bz2)"))""",
        RegexOptions.NonBacktracking)]
    private static partial Regex BeginsAsRepodata();

    // pypi-name:\n  conda_forge: conda-name
    [GeneratedRegex("""^[^\s#{}\[\]]+:\s*\n(?:[ \t]+\S.*\n)*?[ \t]+conda_forge:""", RegexOptions.Multiline | RegexOptions.NonBacktracking)]
    private static partial Regex NamesOfCondaForge();

    private static bool IsZstandard(ReadOnlySpan<byte> head) => head.StartsWith((ReadOnlySpan<byte>)[0x28, 0xB5, 0x2F, 0xFD]);

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
