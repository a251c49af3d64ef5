using System.Text;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace EnvPlatform.Scanner.Mapping.Published;

/// <summary>
/// The table of conda/grayskull: a YAML mapping of PyPI names, each with the name that conda-forge gives the project (<c>conda_forge</c>) and the name that it is
/// imported by. Read event by event, so that no nesting and no alias costs anything.
/// </summary>
public static class GrayskullFile
{
    private const string CondaForge = "conda_forge";

    /// <exception cref="InvalidDataException">It is no such mapping, damaged, or too long; nothing of it should be kept.</exception>
    public static IReadOnlyList<PublishedLine> Read(Stream file)
    {
        using var text = new StreamReader(new MemoryStream(PublishedFile.ReadAll(file)), new UTF8Encoding(false, throwOnInvalidBytes: true));
        try
        {
            var entries = Entries(new Parser(text)).ToList();
            var broken = entries.Where(entry => entry.Problem is not null);
            // Several projects may go by one name of conda-forge.
            var merged = entries.Where(entry => entry.Problem is null).GroupBy(entry => entry.CondaName, StringComparer.Ordinal)
                .Select(group => new PublishedLine(group.First().Name, group.Key, [.. group.SelectMany(entry => entry.PypiNames).Distinct(StringComparer.Ordinal)], null));
            return [.. merged, .. broken];
        }
        catch (YamlException exception)
        {
            throw new InvalidDataException($"The table is not YAML: line {exception.Start.Line}.", exception);
        }
        catch (InvalidOperationException exception)
        {
            // How the scanner ends at some characters that cannot stand where they do.
            throw new InvalidDataException("The table is not YAML.", exception);
        }
        catch (DecoderFallbackException exception)
        {
            throw new InvalidDataException("The table is not UTF-8.", exception);
        }
    }

    private static IEnumerable<PublishedLine> Entries(Parser parser)
    {
        parser.Consume<StreamStart>();
        if (!parser.TryConsume<DocumentStart>(out _) || !parser.TryConsume<MappingStart>(out _)) throw new InvalidDataException("The table is no YAML mapping of PyPI names.");
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            if (parser.TryConsume<Scalar>(out var key))
            {
                yield return Entry(key.Value, parser);
                continue;
            }

            Skip(parser);
            Skip(parser);
            yield return PublishedLine.Broken("", "its name is no text");
        }
    }

    private static PublishedLine Entry(string pypi, Parser parser)
    {
        if (!parser.TryConsume<MappingStart>(out _))
        {
            Skip(parser);
            return PublishedLine.Broken(pypi, "is no mapping");
        }

        string? conda = null;
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            var isName = parser.TryConsume<Scalar>(out var key) && key.Value == CondaForge;
            if (key is null) Skip(parser);
            if (isName && parser.TryConsume<Scalar>(out var value)) conda = value.Value;
            else Skip(parser);
        }

        if (conda is null) return PublishedLine.Broken(pypi, "has no conda_forge");
        if (!PublishedFile.IsPypiName(pypi)) return PublishedLine.Broken(pypi, "its name is none of PyPI's");
        return PublishedFile.IsCondaName(conda) ? new PublishedLine(pypi, conda, [pypi], null) : PublishedLine.Broken(pypi, "its conda_forge is no name of conda's");
    }

    private static void Skip(Parser parser)
    {
        var depth = 0;
        do
        {
            depth += parser.Consume<ParsingEvent>().NestingIncrease;
        }
        while (depth > 0);
    }
}
