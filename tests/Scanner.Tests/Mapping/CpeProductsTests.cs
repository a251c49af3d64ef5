using System.Text;
using System.Text.Json;

using EnvPlatform.Scanner.Mapping;

namespace EnvPlatform.Scanner.Tests.Mapping;

/// <summary>The table of products that NVD knows.</summary>
public sealed class CpeProductsTests
{
    [Test]
    public void Holds_the_native_libraries_and_tools_that_environments_have() =>
        Assert.That(CpeProducts.BuiltIn.Entries, Has.Count.GreaterThanOrEqualTo(80));

    [Test]
    public void Every_project_is_one_that_the_mapping_leads_to()
    {
        var reachable = CondaNames.BuiltIn.Entries.Where(entry => entry.Native is not null).Select(entry => entry.Native).ToHashSet();
        Assert.That(CpeProducts.BuiltIn.Entries.Where(entry => !reachable.Contains(entry.Native)), Is.Empty);
    }

    [Test]
    public void Every_project_is_written_once_and_its_products_as_names_are_compared()
    {
        Assert.That(CpeProducts.BuiltIn.Entries.Select(entry => entry.Native), Is.Unique.And.Ordered);
        Assert.That(CpeProducts.BuiltIn.Entries.SelectMany(entry => entry.Cpes)
            .Where(cpe => cpe.Any(char.IsAsciiLetterUpper) || cpe.Contains('\\', StringComparison.Ordinal)), Is.Empty);
    }

    [TestCase("""{ "native": "x", "cpes": ["x"] }""")]
    [TestCase("""{ "native": "x", "cpes": ["a:b:c"] }""")]
    [TestCase("""{ "native": "x", "cpes": [":b"] }""")]
    [TestCase("""{ "native": "x", "products": ["a:b"] }""")]
    public void An_entry_that_names_no_product_is_refused(string entry)
    {
        using var json = new MemoryStream(Encoding.UTF8.GetBytes($$"""{ "projects": [{{entry}}] }"""));
        Assert.That(() => CpeProducts.Read(json), Throws.InstanceOf<JsonException>());
    }

    [Test]
    public void A_product_belongs_to_one_project()
    {
        using var json = new MemoryStream(
            """{ "projects": [{ "native": "x", "cpes": ["a:b"] }, { "native": "y", "cpes": ["a:b"] }] }"""u8.ToArray());
        Assert.That(() => CpeProducts.Read(json), Throws.ArgumentException);
    }
}
