using System.ComponentModel.DataAnnotations;

using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Identity.Products;

/// <summary>What people need a seat for: see <see cref="Product"/>.</summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Parameter)]
internal sealed class ProductAttribute() : ValidationAttribute($"Must be {Product.Environments} or {Product.AuditApi}.")
{
    public override bool IsValid(object? value) => value is null || (value is string product && Product.All.Contains(product));
}
