using System.Text;

namespace EnvPlatform.Scanner.Mapping.Published;

/// <summary>
/// The table of conda/grayskull: a YAML mapping of PyPI names, each with the name that conda-forge gives the project (<c>conda_forge</c>)
/// and the name that it is imported by. Read line by line in the block style in which it is published: that does not need full YAML, and
/// the time of full YAML parsers grows faster than the size of a hostile file.
/// </summary>
public static class GrayskullFile
{
    private const string CondaForge = "conda_forge";

    /// <exception cref="InvalidDataException">It is not such a mapping, damaged, or too long; nothing of it should be kept.</exception>
    public static IReadOnlyList<PublishedLine> Read(Stream file)
    {
        using var text = new StreamReader(
            new MemoryStream(PublishedFile.ReadAll(file)), new UTF8Encoding(false, throwOnInvalidBytes: true));
        try
        {
            var entries = Entries(text);
            var broken = entries.Where(entry => entry.Problem is not null);
            // Several projects may have the same name in conda-forge.
            var merged = entries.Where(entry => entry.Problem is null).GroupBy(entry => entry.CondaName, StringComparer.Ordinal)
                .Select(group => new PublishedLine(
                    group.First().Name, group.Key, [.. group.SelectMany(entry => entry.PypiNames).Distinct(StringComparer.Ordinal)], null));
            return [.. merged, .. broken];
        }
        catch (DecoderFallbackException exception)
        {
            throw new InvalidDataException("The table is not UTF-8.", exception);
        }
    }

    private static List<PublishedLine> Entries(StreamReader text)
    {
        var entries = new List<PublishedLine>();
        Entry? open = null;
        var number = 0;
        while (text.ReadLine() is { } line)
        {
            number++;
            var content = line.AsSpan().Trim(' ');
            if (content.IsEmpty || content[0] == '#' || line is "---" or "...")
            {
                continue;
            }

            var indent = line.Length - line.AsSpan().TrimStart(' ').Length;
            if (content[0] == '\t' || (indent > 0 && open is null))
            {
                throw NoMapping(number);
            }

            if (indent == 0)
            {
                if (open is not null)
                {
                    entries.Add(open.Close());
                }

                open = Key(content, out var value) is { } name ? new Entry(name, value.Length > 0) : throw NoMapping(number);
            }
            else
            {
                open!.Read(indent, content);
            }
        }

        entries.Add(open?.Close() ?? throw NoMapping(number));
        return entries;
    }

    private static InvalidDataException NoMapping(int line) => new($"The table is no YAML mapping of PyPI names: line {line}.");

    /// <summary>The text before a colon, and after it without quotes and comment; null where the line has no colon.</summary>
    private static string? Key(ReadOnlySpan<char> content, out string value)
    {
        value = "";
        var end = content.IndexOf(": ");
        if (end < 0 && content[^1] == ':')
        {
            end = content.Length - 1;
        }

        if (end <= 0)
        {
            return null;
        }

        var rest = content[(end + 1)..].Trim(' ');
        var comment = rest.IndexOf(" #");
        if (comment >= 0)
        {
            rest = rest[..comment].TrimEnd(' ');
        }

        value = rest.Length > 0 && rest[0] == '#' ? "" : Unquoted(rest);
        return Unquoted(content[..end].TrimEnd(' '));
    }

    private static string Unquoted(ReadOnlySpan<char> text) =>
        (text.Length >= 2 && text[0] == text[^1] && text[0] is '"' or '\'' ? text[1..^1] : text).ToString();

    /// <summary>The lines below a PyPI name.</summary>
    private sealed class Entry(string pypi, bool hasValue)
    {
        private int? _indent;
        private string? _conda;

        /// <summary>Only the lines directly below the name are its own; deeper ones belong to something else.</summary>
        public void Read(int indent, ReadOnlySpan<char> content)
        {
            _indent ??= indent;
            if (indent == _indent && Key(content, out var value) == CondaForge)
            {
                _conda = value;
            }
        }

        public PublishedLine Close()
        {
            if (hasValue)
            {
                return PublishedLine.Broken(pypi, "is no mapping in block style");
            }

            if (_conda is null)
            {
                return PublishedLine.Broken(pypi, "has no conda_forge");
            }

            if (!PublishedFile.IsPypiName(pypi))
            {
                return PublishedLine.Broken(pypi, "its name is none of PyPI's");
            }

            return PublishedFile.IsCondaName(_conda)
                ? new PublishedLine(pypi, _conda, [pypi], null)
                : PublishedLine.Broken(pypi, "its conda_forge is no name of conda's");
        }
    }
}
