using System.Globalization;
using System.Text.Json;

using EnvPlatform.Scanner.Mapping;

namespace EnvPlatform.Scanner.Advisories.Nvd;

/// <summary>
/// Reads a CVE of the National Vulnerability Database (CVE API 2.0, https://nvd.nist.gov/developers/vulnerabilities) as an advisory
/// <c>NVD-CVE-...</c> whose alias is the CVE, so that it joins the records of other sources. Bad data is a result, never an exception.
/// </summary>
public static class NvdParser
{
    public const string IdPrefix = "NVD-";

    // Newest last; which score is shown is decided elsewhere.
    private static readonly (string Property, string Type)[] Metrics =
    [
        ("cvssMetricV2", "CVSS_V2"), ("cvssMetricV30", "CVSS_V3"), ("cvssMetricV31", "CVSS_V3"), ("cvssMetricV40", "CVSS_V4"),
    ];

    public static NvdRecord Parse(ReadOnlyMemory<byte> json) => Parse(json, CpeProducts.BuiltIn, ConventionMapping.BuiltIn);

    public static NvdRecord Parse(ReadOnlyMemory<byte> json, CpeProducts products, ConventionMapping mapping)
    {
        using var document = RecordReader.Open(json, out var problem);
        if (document is null)
        {
            return new NvdRecord.Broken(null, problem);
        }

        var reader = new RecordReader();
        var root = document.RootElement;
        if (root.ValueKind == JsonValueKind.Object && reader.Has(root, "cve", out var wrapped))
        {
            root = wrapped;
        }

        return root.ValueKind == JsonValueKind.Object ? Read(reader, root, products, mapping) : new NvdRecord.Broken(null, "not an object");
    }

    private static NvdRecord Read(RecordReader reader, JsonElement cve, CpeProducts products, ConventionMapping mapping)
    {
        var id = reader.Required(cve, "id");
        if (reader.Problem is not null || !IsCve(id))
        {
            return new NvdRecord.Broken(null, reader.Problem ?? "id is no CVE id");
        }

        var modified = reader.Time(cve, "lastModified");
        if (modified is null)
        {
            reader.Complain("lastModified", "is missing");
        }

        var isRejected = string.Equals(reader.Text(cve, "vulnStatus"), "Rejected", StringComparison.OrdinalIgnoreCase);
        var advisory = new Advisory(
            IdPrefix + id,
            [id],
            reader.Time(cve, "published"),
            modified ?? default,
            isRejected ? modified : null,
            null,
            Description(reader, cve),
            Scores(reader, cve),
            null,
            new NvdConfigurations(reader, products, mapping).Read(cve));
        return reader.Problem is null
            ? new NvdRecord.Valid(advisory, ExploitedSince(reader, cve))
            : new NvdRecord.Broken(id, reader.Problem);
    }

    private static string? Description(RecordReader reader, JsonElement cve) =>
        reader.Objects(cve, "descriptions", text => (Language: reader.Identifier(text, "lang"), Value: reader.Text(text, "value")))
            .FirstOrDefault(text => text.Language is "en" or "en-US").Value;

    // NVD's own score ("Primary") is its assessment of what others sent; theirs count where it gave none.
    private static SeverityVector[] Scores(RecordReader reader, JsonElement cve)
    {
        if (!reader.Find(cve, "metrics", JsonValueKind.Object, out var metrics))
        {
            return [];
        }

        var scores = new List<SeverityVector>();
        foreach (var (property, type) in Metrics)
        {
            var given = reader.Objects(metrics, property, metric => (
                IsPrimary: reader.Identifier(metric, "type") == "Primary",
                Vector: reader.Find(metric, "cvssData", JsonValueKind.Object, out var data)
                    ? reader.Identifier(data, "vectorString")
                    : null));
            var primary = Array.FindAll(given, score => score.IsPrimary);
            foreach (var (_, vector) in primary.Length > 0 ? primary : given)
            {
                if (vector is not null)
                {
                    scores.Add(new SeverityVector(type, vector));
                }
            }
        }

        return [.. scores];
    }

    private static DateOnly? ExploitedSince(RecordReader reader, JsonElement cve) =>
        DateOnly.TryParseExact(reader.Identifier(cve, "cisaExploitAdd"), "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None,
            out var day) ? day : null;

    private static bool IsCve(string id) =>
        id is { Length: >= 13 and <= 20 } && id.StartsWith("CVE-", StringComparison.Ordinal) && id[8] == '-'
        && !id.AsSpan(4, 4).ContainsAnyExceptInRange('0', '9') && !id.AsSpan(9).ContainsAnyExceptInRange('0', '9');
}
