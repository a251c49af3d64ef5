using System.Text.Json;
using System.Text.Json.Nodes;

namespace EnvPlatform.Scanner.Curations.Vex;

/// <summary>OpenVEX 0.2.0 (https://github.com/openvex/spec).</summary>
internal static class OpenVex
{
    public const string Format = "openvex";
    public const string MediaType = "application/json";
    private const string Context = "https://openvex.dev/ns";
    private const string Mitigated = "inline_mitigations_already_exist";

    public static bool Is(JsonElement document) => document.Text("@context")?.StartsWith(Context, StringComparison.Ordinal) == true;

    public static JsonObject Write(IEnumerable<VexExport> curations, string organization, string author, Guid id, DateTimeOffset now) =>
        new()
        {
            ["@context"] = Context + "/v0.2.0",
            ["@id"] = $"urn:uuid:{id}",
            ["author"] = author,
            ["timestamp"] = now,
            ["version"] = 1,
            ["statements"] = new JsonArray([.. curations.Select(curation => Statement(curation, organization))]),
        };

    public static IEnumerable<VexStatement> Read(JsonElement document, string organization, DateTimeOffset now)
    {
        var issued = document.Time("timestamp") ?? now;
        foreach (var statement in document.Items("statements"))
        {
            var vulnerability = statement.Member("vulnerability");
            // Before 0.2.0 the vulnerability was a text.
            string[] names = [.. vulnerability.Items("aliases").Select(alias => alias.Text())
                .Prepend(vulnerability.Text() ?? vulnerability.Text("name")).OfType<string>()];
            var (status, reason) = Verdict(statement);
            var statedAt = statement.Time("timestamp") ?? issued;
            var products = statement.Items("products").ToArray();
            foreach (var product in products)
            {
                var named = product.Text() ?? product.Member("identifiers").Text("purl") ?? product.Text("@id") ?? "";
                var about = product.Items("subcomponents").Any()
                    ? new VexProduct(null, "It is about a part of a product.") : VexProduct.Of(named, organization);
                yield return VexStatement.Of(names, named, about, status, reason, statedAt);
            }

            if (products.Length == 0)
            {
                yield return VexStatement.Of(names, "", new(null, "It names no product."), status, reason, statedAt);
            }
        }
    }

    private static JsonObject Statement(VexExport curation, string organization)
    {
        // Beside a justification there is no impact statement: one edition of the schema of 0.2.0 does not allow both.
        var isPlatforms = curation.Status == CurationStatuses.NotAffected;
        var (status, note) = curation.Status switch
        {
            CurationStatuses.NotAffected => ("not_affected", "status_notes"),
            "active" => ("affected", "action_statement"),
            "disputed" => ("under_investigation", "status_notes"),
            "mitigated" => ("not_affected", "status_notes"),
            _ => ("not_affected", "impact_statement"),
        };
        var products = curation.Scope.Package is null ? [organization] : PackageUrl.Write(curation.Scope, isPlatforms);
        var statement = new JsonObject
        {
            ["vulnerability"] = new JsonObject
            {
                ["name"] = curation.VulnerabilityId,
                ["aliases"] = new JsonArray([.. curation.Aliases.Select(alias => (JsonNode)alias)]),
            },
            ["timestamp"] = curation.CreatedAt,
            ["products"] = new JsonArray([.. products.Select(product => new JsonObject
            {
                ["@id"] = product,
                ["identifiers"] = product == organization ? null : new JsonObject { ["purl"] = product },
            }.WithoutNulls())]),
            ["status"] = status,
            ["justification"] = curation.Status == "mitigated" ? Mitigated : isPlatforms ? "vulnerable_code_not_present" : null,
            [note] = curation.Text,
        };
        return statement.WithoutNulls();
    }

    private static (string? Status, string? Reason) Verdict(JsonElement statement) => statement.Text("status") switch
    {
        "affected" => ("active", statement.Text("action_statement") ?? statement.Text("status_notes")),
        "fixed" => ("cleared", statement.Text("status_notes") ?? "It is fixed in the product."),
        "not_affected" => (
            statement.Text("justification") is Mitigated ? "mitigated" : "cleared",
            statement.Text("impact_statement") ?? statement.Text("status_notes") ?? statement.Text("justification")),
        _ => VexStatement.Undecided(statement.Text("status_notes")),
    };

    /// <summary>The formats omit members rather than set them to null.</summary>
    public static JsonObject WithoutNulls(this JsonObject json)
    {
        foreach (var name in json.Where(member => member.Value is null).Select(member => member.Key).ToArray())
        {
            json.Remove(name);
        }

        return json;
    }
}
