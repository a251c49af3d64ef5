using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace EnvPlatform.Policy.Documents;

/// <summary>
/// Reads a document, YAML 1.2 (core schema) or JSON, of bounded size and depth. Anchors, aliases, tags, several documents in a text and
/// keys that are given twice are refused: what is read is what a person sees.
/// </summary>
internal static partial class DocumentReader
{
    /// <summary>Characters.</summary>
    public const int LongestText = 65_536;

    private const int Deepest = 10;

    /// <summary>Reads a text: JSON where it begins with <c>{</c>, else YAML.</summary>
    public static DocumentNode? Read(string text, ICollection<PolicyError> errors)
    {
        if (text.Length > LongestText)
        {
            errors.Add(new("", "more than 65,536 characters", "a text of at most as many"));
            return null;
        }

        text = text.TrimStart('\uFEFF');
        return text.TrimStart() is ['{', ..] ? ReadJson(text, errors) : ReadYaml(text, errors);
    }

    /// <summary>Takes over JSON that was read.</summary>
    public static DocumentNode? Read(JsonElement json, ICollection<PolicyError> errors) => Take(json, "", 0, errors);

    private static DocumentNode? ReadJson(string text, ICollection<PolicyError> errors)
    {
        try
        {
            using var json = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 64 });
            return Read(json.RootElement, errors);
        }
        catch (JsonException exception)
        {
            var line = (int)(exception.LineNumber ?? -1) + 1;
            errors.Add(new("", "a text that is not JSON", "JSON, or YAML that does not begin with {", line));
            return null;
        }
    }

    private static DocumentNode? Take(JsonElement json, string path, int depth, ICollection<PolicyError> errors)
    {
        if (depth > Deepest)
        {
            errors.Add(TooDeep(path, 0));
            return null;
        }

        switch (json.ValueKind)
        {
            case JsonValueKind.Object:
                var pairs = new List<(string, DocumentNode)>();
                foreach (var member in json.EnumerateObject())
                {
                    if (NameOf(member) is not { } name)
                    {
                        errors.Add(new(path, "a name that is not Unicode", "Unicode"));
                        return null;
                    }

                    var at = PolicyError.Child(path, name);
                    if (Take(member.Value, at, depth + 1, errors) is not { } value)
                    {
                        return null;
                    }

                    Add(pairs, name, value, at, errors);
                }

                return new DocumentNode.Mapping(pairs, 0);
            case JsonValueKind.Array:
                var items = new List<DocumentNode>();
                foreach (var item in json.EnumerateArray())
                {
                    if (Take(item, PolicyError.Child(path, Index(items.Count)), depth + 1, errors) is not { } value)
                    {
                        return null;
                    }

                    items.Add(value);
                }

                return new DocumentNode.Sequence(items, 0);
            case JsonValueKind.String:
                return TextOf(json) is { } text ? Checked(text, path, 0, errors) : Checked("\uD800", path, 0, errors);
            case JsonValueKind.Number:
                return new DocumentNode.Number(json.GetRawText(), 0);
            case JsonValueKind.True or JsonValueKind.False:
                return new DocumentNode.Flag(json.ValueKind == JsonValueKind.True, 0);
            default:
                return new DocumentNode.Nothing(0);
        }
    }

    // Half a surrogate pair, escaped, is JSON and no text.
    private static string? TextOf(JsonElement json)
    {
        try
        {
            return json.GetString();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    private static string? NameOf(JsonProperty member)
    {
        try
        {
            return member.Name;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    private static DocumentNode? ReadYaml(string text, ICollection<PolicyError> errors)
    {
        var parser = new Parser(new StringReader(text));
        try
        {
            parser.Consume<StreamStart>();
            if (parser.Accept<StreamEnd>(out _))
            {
                return new DocumentNode.Nothing(1);
            }

            parser.Consume<DocumentStart>();
            var root = Take(parser, "", 0, errors);
            if (root is not null)
            {
                parser.Consume<DocumentEnd>();
                if (!parser.Accept<StreamEnd>(out _))
                {
                    errors.Add(new("", "several documents", "one document in a text", Line(parser.Current!)));
                }
            }

            return root;
        }
        catch (YamlException exception)
        {
            var why = PolicyError.Shorten(exception.Message);
            errors.Add(new("", $"a text that is not YAML: {why}", "YAML or JSON", (int)exception.Start.Line));
            return null;
        }
    }

    private static DocumentNode? Take(Parser parser, string path, int depth, ICollection<PolicyError> errors)
    {
        var line = Line(parser.Current!);
        if (depth > Deepest)
        {
            errors.Add(TooDeep(path, line));
            return null;
        }

        if (parser.Current is AnchorAlias || parser.Current is NodeEvent { Anchor.IsEmpty: false })
        {
            errors.Add(new(path, "an anchor or alias", "a value that is written where it belongs", line));
            return null;
        }

        if (parser.Current is NodeEvent { Tag: { IsEmpty: false } tag })
        {
            errors.Add(new(path, $"the tag {PolicyError.Quote(tag.ToString())}", "a value without a tag", line));
            return null;
        }

        if (parser.TryConsume<Scalar>(out var scalar))
        {
            return scalar.Style == ScalarStyle.Plain ? Plain(scalar.Value, path, line, errors) : Checked(scalar.Value, path, line, errors);
        }

        if (parser.TryConsume<SequenceStart>(out _))
        {
            var items = new List<DocumentNode>();
            while (!parser.TryConsume<SequenceEnd>(out _))
            {
                if (Take(parser, PolicyError.Child(path, Index(items.Count)), depth + 1, errors) is not { } item)
                {
                    return null;
                }

                items.Add(item);
            }

            return new DocumentNode.Sequence(items, line);
        }

        return TakeMapping(parser, path, depth, line, errors);
    }

    private static DocumentNode.Mapping? TakeMapping(Parser parser, string path, int depth, int line, ICollection<PolicyError> errors)
    {
        parser.Consume<MappingStart>();
        var pairs = new List<(string, DocumentNode)>();
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            if (!parser.TryConsume<Scalar>(out var key) || !key.Anchor.IsEmpty || !key.Tag.IsEmpty)
            {
                errors.Add(new(path, "a key that is no text", "the name of a field", Line(parser.Current!)));
                return null;
            }

            var at = PolicyError.Child(path, key.Value);
            if (Take(parser, at, depth + 1, errors) is not { } value)
            {
                return null;
            }

            Add(pairs, key.Value, value, at, errors);
        }

        return new(pairs, line);
    }

    private static void Add(
        List<(string Key, DocumentNode)> pairs, string key, DocumentNode value, string path, ICollection<PolicyError> errors)
    {
        if (pairs.Exists(pair => pair.Key == key))
        {
            errors.Add(new(path, "the same key a second time", "each key once", value.Line, IsBeyondSchema: true));
            return;
        }

        pairs.Add((key, value));
    }

    // https://yaml.org/spec/1.2.2/#103-core-schema
    private static DocumentNode? Plain(string text, string path, int line, ICollection<PolicyError> errors) => text switch
    {
        "" or "~" or "null" or "Null" or "NULL" => new DocumentNode.Nothing(line),
        "true" or "True" or "TRUE" => new DocumentNode.Flag(true, line),
        "false" or "False" or "FALSE" => new DocumentNode.Flag(false, line),
        _ when NumberForm().IsMatch(text) => new DocumentNode.Number(text, line),
        _ => Checked(text, path, line, errors),
    };

    private static DocumentNode.Text? Checked(string text, string path, int line, ICollection<PolicyError> errors)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsSurrogate(text[i]) && !(i + 1 < text.Length && char.IsSurrogatePair(text[i], text[++i])))
            {
                errors.Add(new(path, "text that is not Unicode", "Unicode", line));
                return null;
            }
        }

        return new(text, line);
    }

    private static PolicyError TooDeep(string path, int line) => new(path, "deeper nesting", $"at most {Deepest} levels", line);

    private static int Line(ParsingEvent at) => (int)at.Start.Line;

    private static string Index(int index) => index.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex(
        @"^(?:0o[0-7]+|0x[0-9a-fA-F]+|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex NumberForm();
}
