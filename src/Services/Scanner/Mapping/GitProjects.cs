using System.Collections.Frozen;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace EnvPlatform.Scanner.Mapping;

/// <summary>
/// The table of repositories: where native projects are developed, and how they write a version as a tag. The databases of CPython
/// (<c>PSF-</c>) and curl (<c>CURL-CVE-</c>) name no package, only the repository.
/// </summary>
public sealed class GitProjects
{
    private readonly FrozenDictionary<string, Entry> _byRepository;

    private GitProjects(Document document)
    {
        Entries = document.Projects;
        _byRepository = document.Projects.SelectMany(
            entry => entry.Repositories.Select(repository => (Repository: repository, Entry: entry)))
            .ToFrozenDictionary(pair => pair.Repository, pair => pair.Entry, StringComparer.OrdinalIgnoreCase);
    }

    /// <summary>The table that is built in.</summary>
    public static GitProjects BuiltIn { get; } = Read(Assembly.GetExecutingAssembly().GetManifestResourceStream("git-projects.json")
        ?? throw new InvalidOperationException("The table of repositories is not embedded."));

    public IReadOnlyList<Entry> Entries { get; }

    /// <exception cref="JsonException">The table is malformed.</exception>
    /// <exception cref="ArgumentException">Two projects claim one repository.</exception>
    public static GitProjects Read(Stream json) =>
        new(JsonSerializer.Deserialize(json, GitTableJson.Default.Document) ?? throw new JsonException("The table is empty."));

    /// <param name="repository">
    /// The address, in any form that records use: with or without scheme, <c>.git</c> and a slash at the end.
    /// </param>
    internal Entry? Find(string repository)
    {
        var address = repository.AsSpan();
        var scheme = address.IndexOf("://");
        if (scheme >= 0)
        {
            address = address[(scheme + 3)..];
        }

        address = address.TrimEnd('/');
        if (address.EndsWith(".git", StringComparison.OrdinalIgnoreCase))
        {
            address = address[..^4];
        }

        return _byRepository.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(address, out var entry) ? entry : null;
    }

    /// <summary>One project.</summary>
    /// <param name="Native">As in the table of conda names, which says what conda calls it and in which order its versions compare.</param>
    /// <param name="Repositories">Host and path, without scheme and <c>.git</c>.</param>
    /// <param name="Tags">The ways in which it has written tags, the longest prefix first where one begins another.</param>
    public sealed record Entry(string Native, string[] Repositories, Tag[] Tags)
    {
        /// <summary>The version that a tag stands for, or a plain version; null for any other tag.</summary>
        internal string? VersionOf(string tag)
        {
            foreach (var (prefix, separator) in Tags)
            {
                if (!tag.StartsWith(prefix, StringComparison.Ordinal) || tag.Length == prefix.Length
                    || !char.IsAsciiDigit(tag[prefix.Length]))
                {
                    continue;
                }

                var version = tag[prefix.Length..];
                return separator is null ? version : version.Replace(separator, ".", StringComparison.Ordinal);
            }

            return tag.Length > 0 && char.IsAsciiDigit(tag[0]) ? tag : null;
        }
    }

    /// <param name="Separator">What stands for the dots; null where they are dots.</param>
    public sealed record Tag(string Prefix, string? Separator = null);

    internal sealed record Document(Entry[] Projects);
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, RespectRequiredConstructorParameters = true,
    RespectNullableAnnotations = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, ReadCommentHandling = JsonCommentHandling.Skip)]
[JsonSerializable(typeof(GitProjects.Document))]
internal sealed partial class GitTableJson : JsonSerializerContext;
