using System.Text.Json;

namespace EnvPlatform.Agent.Collectors;

/// <summary>
/// What the agent needs of one <c>conda-meta/*.json</c> record, read without building the rest of it (records can be megabytes).
/// </summary>
internal sealed class CondaRecord
{
    public string? Name { get; private set; }
    public string? Version { get; private set; }
    public string? Build { get; private set; }
    public string? Subdir { get; private set; }
    public string? Channel { get; private set; }
    public string? Url { get; private set; }
    public string? Sha256 { get; private set; }
    public string? License { get; private set; }
    public bool Requested { get; private set; }

    /// <summary>The files of the record that mark a Python distribution, relative to the prefix, with forward slashes.</summary>
    public IReadOnlyList<string> DistributionFiles => _distributionFiles;

    private const int LongestLicense = 2_000;
    private readonly List<string> _distributionFiles = [];

    /// <summary>Reads a record.</summary>
    /// <exception cref="JsonException">The text is not a JSON object.</exception>
    public static CondaRecord Parse(ReadOnlySpan<byte> utf8)
    {
        if (utf8.StartsWith("\uFEFF"u8))
        {
            utf8 = utf8[3..];
        }

        var reader = new Utf8JsonReader(utf8);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            throw new JsonException("The record is not a JSON object.");
        }

        var record = new CondaRecord();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var property = reader.GetString();
            reader.Read();
            record.Take(property!, ref reader);
        }

        return record;
    }

    /// <summary>The package that the record describes, or null where name, version or build is missing.</summary>
    public Package? ToPackage()
    {
        if (string.IsNullOrEmpty(Name) || string.IsNullOrEmpty(Version) || Build is null)
        {
            return null;
        }

        return new Package(
            Package.Conda, Name, Version, Build,
            Subdir ?? CondaChannel.SubdirOf(Url) ?? CondaChannel.SubdirOf(Channel),
            CondaChannel.CanonicalName(Channel) ?? ChannelOfPackage(Url),
            IsSha256(Sha256) ? Sha256 : null, License?.Length > LongestLicense ? License[..LongestLicense] : License,
            Requested ? true : null);
    }

    private static bool IsSha256(string? text) => text is { Length: 64 } && text.All(char.IsAsciiHexDigit);

    private void Take(string property, ref Utf8JsonReader reader)
    {
        switch (property)
        {
            case "name": Name = Text(ref reader); break;
            case "version": Version = Text(ref reader); break;
            case "build": Build = Text(ref reader); break;
            case "build_string": Build ??= Text(ref reader); break;
            case "subdir": Subdir = Text(ref reader); break;
            case "channel": Channel = Text(ref reader); break;
            case "url": Url = Text(ref reader); break;
            case "sha256": Sha256 = Text(ref reader); break;
            case "license": License = Text(ref reader) is { } license ? PlainText.Of(license) : null; break;
            case "requested_spec": Requested |= Text(ref reader) is not null; break;
            case "requested_specs": Requested |= HasText(ref reader); break;
            case "files": TakeFiles(ref reader); break;
            default: reader.Skip(); break;
        }
    }

    private void TakeFiles(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            reader.Skip();
            return;
        }

        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            // Tens of thousands of files per record: check the bytes before allocating a string.
            if (reader.TokenType != JsonTokenType.String)
            {
                reader.Skip();
            }
            else if (reader.ValueSpan.IndexOf("dist-info"u8) >= 0 || reader.ValueSpan.IndexOf(".egg"u8) >= 0)
            {
                TakeFile(reader.GetString()!.Replace('\\', '/'));
            }
        }
    }

    private void TakeFile(string file)
    {
        if (PyPiPackages.IsDistributionFile(file))
        {
            _distributionFiles.Add(file);
        }
    }

    /// <summary>A text; empty and Python's <c>None</c> count as missing.</summary>
    private static string? Text(ref Utf8JsonReader reader)
    {
        if (reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray)
        {
            reader.Skip();
        }

        return reader.TokenType == JsonTokenType.String && reader.GetString() is { Length: > 0 } text && text != "None" ? text : null;
    }

    private static bool HasText(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            return Text(ref reader) is not null;
        }

        var any = false;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            any |= Text(ref reader) is not null;
        }

        return any;
    }

    private static string? ChannelOfPackage(string? url) =>
        url is not null && url.LastIndexOf('/') is > 0 and var slash ? CondaChannel.CanonicalName(url[..slash]) : null;
}
