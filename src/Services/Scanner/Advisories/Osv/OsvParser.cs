using System.Text.Json;

using EnvPlatform.Scanner.Mapping;
using EnvPlatform.Scanner.Matching;

namespace EnvPlatform.Scanner.Advisories.Osv;

/// <summary>Reads a record of the OSV schema 1.7 from JSON. Bad data is a result, never an exception.</summary>
public static class OsvParser
{
    private const int MaxIdLength = 256;
    private const string Git = "GIT";

    public static OsvRecord Parse(ReadOnlyMemory<byte> json)
    {
        using var document = RecordReader.Open(json, out var problem);
        return document is null ? new OsvRecord.Broken(null, problem) : Read(document.RootElement);
    }

    private static OsvRecord Read(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            return new OsvRecord.Broken(null, "not an object");
        }

        var reader = new Reader();
        var id = reader.Id(root);
        if (id is null)
        {
            return new OsvRecord.Broken(null, reader.Problem ?? "id is missing");
        }

        var modified = reader.Time(root, "modified");
        if (modified is null)
        {
            reader.Complain("modified", "is missing");
        }

        var advisory = new Advisory(
            id,
            reader.Aliases(root),
            reader.Time(root, "published"),
            modified ?? default,
            reader.Time(root, "withdrawn"),
            reader.Text(root, "summary"),
            reader.Text(root, "details"),
            reader.Severities(root),
            reader.DatabaseSeverity(root),
            reader.Affected(root))
        {
            Upstream = reader.Relations(root, "upstream"),
            Related = reader.Relations(root, "related"),
        };
        return reader.Problem is null ? new OsvRecord.Valid(advisory) : new OsvRecord.Broken(id, reader.Problem);
    }

    private sealed class Reader : RecordReader
    {
        public string? Id(JsonElement record)
        {
            var id = Identifier(record, "id");
            if (id is { Length: 0 or > MaxIdLength })
            {
                Complain("id", $"is empty or longer than {MaxIdLength} characters");
            }

            return Problem is null ? id : null;
        }

        public string[] Aliases(JsonElement record)
        {
            var aliases = Strings(record, "aliases");
            if (Array.Exists(aliases, alias => alias.Length > MaxIdLength))
            {
                Complain("aliases", $"hold one of more than {MaxIdLength} characters");
            }

            return aliases;
        }

        // Only to be found by: what cannot be an id is of no use, and does not make the record broken.
        public string[] Relations(JsonElement record, string property) =>
            Has(record, property, out var list) && list.ValueKind == JsonValueKind.Array
                ? [.. list.EnumerateArray().Where(item => item.ValueKind == JsonValueKind.String).Select(Valid).OfType<string>()
                    .Where(id => id.Length is > 0 and <= MaxIdLength && !id.Any(char.IsControl)).Distinct(StringComparer.Ordinal)]
                : [];

        public SeverityVector[] Severities(JsonElement parent) =>
            Objects(parent, "severity", item => new SeverityVector(Required(item, "type"), Required(item, "score")));

        public string? DatabaseSeverity(JsonElement root) =>
            Has(root, "database_specific", out var own) && own.ValueKind == JsonValueKind.Object
            && Has(own, "severity", out var severity) && severity.ValueKind == JsonValueKind.String
                ? Checked(severity, "database_specific.severity")
                : null;

        public AffectedPackage[] Affected(JsonElement root) => [.. Objects(root, "affected", Package).OfType<AffectedPackage>()];

        private AffectedPackage? Package(JsonElement entry)
        {
            if (!Find(entry, "package", JsonValueKind.Object, out var package))
            {
                return OfRepository(entry);
            }

            var ecosystem = Required(package, "ecosystem");
            return ecosystem == Git
                ? OfRepository(entry)
                : new AffectedPackage(
                    ecosystem, Required(package, "name"), Identifier(package, "purl"), Ranges(entry),
                    Strings(entry, "versions"), Severities(entry));
        }

        // An entry without a package is about the project of its repository. Its versions are tags or plain versions. One with commits
        // only is kept, because what it says cannot be compared; one for an unknown repository is about no package.
        private AffectedPackage? OfRepository(JsonElement entry)
        {
            if (Project(entry) is not { } project)
            {
                return null;
            }

            var ranges = Ranges(entry);
            var versions = Strings(entry, "versions").Select(project.VersionOf).OfType<string>().Distinct(StringComparer.Ordinal).ToArray();
            return new AffectedPackage(Ecosystems.Conda, project.Native, null, ranges, versions, Severities(entry));
        }

        private GitProjects.Entry? Project(JsonElement entry) =>
            Has(entry, "ranges", out var ranges) && ranges.ValueKind == JsonValueKind.Array
                ? ranges.EnumerateArray().Select(Repository).OfType<string>().Select(GitProjects.BuiltIn.Find)
                    .FirstOrDefault(project => project is not null)
                : null;

        private string? Repository(JsonElement range) =>
            range.ValueKind == JsonValueKind.Object && Has(range, "repo", out var repository)
                && repository.ValueKind == JsonValueKind.String
                ? Valid(repository)
                : null;

        private AffectedRange[] Ranges(JsonElement entry) => [.. Objects(entry, "ranges", Range).OfType<AffectedRange>()];

        private AffectedRange? Range(JsonElement range)
        {
            var type = Required(range, "type");
            if (type is not ("ECOSYSTEM" or "SEMVER"))
            {
                return null;
            }

            if (!Find(range, "events", JsonValueKind.Array, out var events))
            {
                Complain("events", "are missing");
            }
            else if (events.GetArrayLength() == 0)
            {
                Complain("events", "are empty");
            }

            return new AffectedRange(
                type == "SEMVER" ? RangeType.SemVer : RangeType.Ecosystem,
                Objects(range, "events", Event));
        }

        private RangeEvent Event(JsonElement item)
        {
            if (Identifier(item, "introduced") is { } introduced)
            {
                return new RangeEvent(RangeEventKind.Introduced, introduced);
            }

            if (Identifier(item, "fixed") is { } fixedIn)
            {
                return new RangeEvent(RangeEventKind.Fixed, fixedIn);
            }

            if (Identifier(item, "last_affected") is { } last)
            {
                return new RangeEvent(RangeEventKind.LastAffected, last);
            }

            if (Identifier(item, "limit") is { } limit)
            {
                return new RangeEvent(RangeEventKind.Limit, limit);
            }

            Complain("events", "hold one without introduced, fixed, last_affected or limit");
            return default;
        }

    }
}
