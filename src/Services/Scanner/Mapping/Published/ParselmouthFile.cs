using System.Text.Json;

namespace EnvPlatform.Scanner.Mapping.Published;

/// <summary>
/// A channel's mapping as prefix-dev/parselmouth publishes it: a JSON object of conda names, each with a list of PyPI names or null where
/// none of the packages holds Python metadata.
/// </summary>
public static class ParselmouthFile
{
    /// <exception cref="InvalidDataException">It is not such an object, damaged, or too long; nothing of it should be kept.</exception>
    public static IReadOnlyList<PublishedLine> Read(Stream file)
    {
        var text = PublishedFile.ReadAll(file).AsMemory();
        if (text.Span.StartsWith("\uFEFF"u8))
        {
            text = text[3..];
        }

        try
        {
            using var document = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 4 });
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw new InvalidDataException("The mapping is no JSON object of conda names.");
            }

            return [.. document.RootElement.EnumerateObject().Select(Line)];
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException(
                $"The mapping is not JSON: line {exception.LineNumber + 1}, byte {exception.BytePositionInLine + 1}.", exception);
        }
    }

    private static PublishedLine Line(JsonProperty entry)
    {
        string name;
        try
        {
            name = entry.Name;
        }
        catch (InvalidOperationException)
        {
            // System.Text.Json's exception for a name with an unpaired surrogate.
            return PublishedLine.Broken("", "its name is no valid Unicode text");
        }

        if (!PublishedFile.IsCondaName(name))
        {
            return PublishedLine.Broken(name, "its name is none of conda's");
        }

        if (entry.Value.ValueKind == JsonValueKind.Null)
        {
            return new PublishedLine(name, name, [], null);
        }

        if (entry.Value.ValueKind != JsonValueKind.Array)
        {
            return PublishedLine.Broken(name, "is neither a list of names nor null");
        }

        var names = new List<string>(entry.Value.GetArrayLength());
        foreach (var item in entry.Value.EnumerateArray())
        {
            if (Text(item) is not { } pypi || !PublishedFile.IsPypiName(pypi))
            {
                return PublishedLine.Broken(name, "lists something that is no name of PyPI");
            }

            names.Add(pypi);
        }

        return new PublishedLine(name, name, [.. names], null);
    }

    private static string? Text(JsonElement item)
    {
        try
        {
            return item.ValueKind == JsonValueKind.String ? item.GetString() : null;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }
}
